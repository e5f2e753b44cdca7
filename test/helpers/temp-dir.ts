// A folder of its own for one test, removed with everything in it when the test ends.

import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';

/**
 * Absolute path of a fresh, empty folder (mode 0700).
 * @param parent - where it is made; the system's place for such folders unless told
 */
export const tempDir = (t: Test, parent = tmpdir()): string => {
  const path = mkdtempSync(join(realpathSync(parent), 'linkgate-test-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
};
