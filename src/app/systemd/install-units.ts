// Writes units to disk where they are absent, or where linkgate wrote the old ones. It never overwrites a unit that linkgate did not
// write.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LinkgateError } from '../../core/errors.ts';
import { WRITTEN_BY, type Unit } from './units.ts';

export interface WrittenUnit {
  readonly path: string;
  readonly outcome: 'written' | 'unchanged';
}

const write = async (path: string, text: string): Promise<WrittenUnit['outcome']> => {
  const before = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (before === text) return 'unchanged';
  if (before !== undefined && !before.startsWith(WRITTEN_BY)) {
    throw new LinkgateError(
      'ERR_SYSTEMD_UNWRITABLE',
      `unit "${path}" is not one that linkgate wrote: move it away`,
    );
  }
  await writeFile(path, text, { mode: 0o644 });
  return 'written';
};

/** @throws LinkgateError `ERR_SYSTEMD_UNWRITABLE`; the units before the one it names are written */
export const installUnits = async (dir: string, units: readonly Unit[]): Promise<readonly WrittenUnit[]> => {
  const done: WrittenUnit[] = [];
  for (const { name, text } of units) {
    const path = join(dir, name);
    try {
      done.push({ path, outcome: await write(path, text) });
    } catch (cause) {
      if (cause instanceof LinkgateError) throw cause;
      const { code = 'unknown' } = cause as NodeJS.ErrnoException;
      throw new LinkgateError('ERR_SYSTEMD_UNWRITABLE', `unit "${path}" cannot be written (${code})`, {
        cause,
      });
    }
  }
  return done;
};
