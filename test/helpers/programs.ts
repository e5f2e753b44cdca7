// Tests that need a program of the system: run when it is there, skipped with the line that would enable them when it is
// not, failed instead of skipped in CI.

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const isInstalled = (program: string): boolean =>
  (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/**
 * False when all programs of a Debian package are there, else the reason to skip.
 * @throws when `LINKGATE_NO_SKIP` is set: then nothing may be skipped
 */
export const packageMissing = (name: string, programs: readonly string[] = [name]): string | false => {
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length === 0) return false;
  const reason = `${missing.join(' and ')} not installed: apt-get install ${name}`;
  if (process.env['LINKGATE_NO_SKIP'] !== undefined) throw new Error(reason);
  return reason;
};
