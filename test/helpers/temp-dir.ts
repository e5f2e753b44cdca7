// A folder of its own for one test, removed with everything in it when the test ends.

import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';

/** Absolute path of a fresh, empty folder (mode 0700). */
export const tempDir = (t: Test): string => {
  const path = mkdtempSync(join(realpathSync(tmpdir()), 'linkgate-test-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
};
