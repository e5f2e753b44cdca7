// Stops the service and removes its units from disk: only those that linkgate wrote, and the links that enabled them. It never touches
// the configuration, the storage or a file that a person added.

import { access, constants, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LinkgateError } from '../../core/errors.ts';
import { UNIT_NAMES, WRITTEN_BY } from './units.ts';

export interface UninstallUnitsOptions {
  /** the folder that install wrote to */
  readonly dir: string;
  /** runs `systemctl` with these words; absent where systemd does not run, or does not read `dir` */
  readonly systemctl?: (words: readonly string[]) => Promise<void>;
}

export interface UninstalledUnits {
  /** paths of the units that are gone */
  readonly removed: readonly string[];
  /** paths of units with the same name that linkgate did not write */
  readonly foreign: readonly string[];
}

/** What `systemctl enable` links the units into. */
const WANTED_BY = ['multi-user.target.wants', 'sockets.target.wants'];

type Owner = 'linkgate' | 'somebody else' | 'nobody';

const ownerOf = async (path: string): Promise<Owner> => {
  try {
    return (await readFile(path, 'utf8')).startsWith(WRITTEN_BY) ? 'linkgate' : 'somebody else';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'nobody' : 'somebody else';
  }
};

const unwritable = (what: string, cause: unknown): LinkgateError => {
  const { code = 'unknown' } = cause as NodeJS.ErrnoException;
  return new LinkgateError('ERR_SYSTEMD_UNWRITABLE', `${what} (${code})`, { cause });
};

/**
 * 1. finds the units that linkgate wrote
 * 2. stops and disables them
 * 3. removes them
 * 4. makes systemd read its units again
 * @throws LinkgateError `ERR_SYSTEMD_ABSENT` when there is none, `ERR_SYSTEMD_UNWRITABLE` before anything is stopped when `dir` may not be
 * changed; what `systemctl` throws, when no unit is removed yet
 */
export const uninstallUnits = async ({
  dir,
  systemctl,
}: UninstallUnitsOptions): Promise<UninstalledUnits> => {
  const owners = await Promise.all(
    UNIT_NAMES.map(async (name) => [name, await ownerOf(join(dir, name))] as const),
  );
  const ownedBy = (wanted: Owner): readonly string[] =>
    owners.flatMap(([name, owner]) => (owner === wanted ? [name] : []));
  const [ours, foreign] = [ownedBy('linkgate'), ownedBy('somebody else')];
  if (ours.length === 0) {
    throw new LinkgateError('ERR_SYSTEMD_ABSENT', `folder "${dir}" holds no unit that linkgate wrote`);
  }
  await access(dir, constants.W_OK).catch((cause: unknown) => {
    throw unwritable(`folder "${dir}" cannot be changed`, cause);
  });
  await systemctl?.(['disable', '--now', ...ours]);
  for (const name of ours) {
    const links = WANTED_BY.map((folder) => join(dir, folder, name));
    for (const path of [...links, join(dir, name)]) {
      await rm(path, { force: true }).catch((cause: unknown) => {
        throw unwritable(`unit "${path}" cannot be removed`, cause);
      });
    }
  }
  await systemctl?.(['daemon-reload']);
  return { removed: ours.map((name) => join(dir, name)), foreign: foreign.map((name) => join(dir, name)) };
};
