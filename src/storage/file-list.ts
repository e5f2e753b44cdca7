// What is below a folder of a storage: the keys, and the half-written files of a process that was killed. A closed folder, which this
// user may not read, hides its own keys and no others.

import { readdir, lstat, unlink } from 'node:fs/promises';
import type { Dirent } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../core/platform/clock.ts';
import { codeOf } from './file-fault.ts';
import { isTemporary } from './file-write.ts';
import { isSegment } from './keys.ts';

/** A temporary file of this age belongs to a process that was killed. */
const ABANDONED_MS = 3_600_000;

/** called for a closed folder */
export type OnClosed = (folder: string, error: unknown) => void;

const GONE: readonly (string | undefined)[] = ['ENOENT', 'ENOTDIR'];
const CLOSED: readonly (string | undefined)[] = ['EACCES', 'EPERM'];

/** Without `onClosed` a closed folder is an error. */
const entriesOf = async (folder: string, onClosed?: OnClosed): Promise<readonly Dirent[]> => {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (GONE.includes(codeOf(error))) return [];
    if (onClosed === undefined || !CLOSED.includes(codeOf(error))) throw error;
    onClosed(folder, error);
    return [];
  }
};

const keysOf = async (
  entries: readonly Dirent[],
  folder: string,
  prefix: string,
  onClosed: OnClosed,
): Promise<readonly string[]> => {
  const found = entries
    .filter(({ name }) => isSegment(name))
    .map(async (entry) => {
      if (entry.isFile()) return [`${prefix}/${entry.name}`];
      if (!entry.isDirectory()) return [];
      const below = join(folder, entry.name);
      return keysOf(await entriesOf(below, onClosed), below, `${prefix}/${entry.name}`, onClosed);
    });
  return (await Promise.all(found)).flat();
};

/**
 * The keys below `folder`, each beginning with `prefix`. A link is no key.
 * @throws errors of the file system when `folder` itself cannot be read
 */
export const keysBelow = async (
  folder: string,
  prefix: string,
  onClosed: OnClosed,
): Promise<readonly string[]> => keysOf(await entriesOf(folder), folder, prefix, onClosed);

/** Removes old temporary files below `folder`, as far as it can. Never rejects. */
export const sweepTemporary = async (folder: string, clock: Clock): Promise<void> => {
  for (const entry of await entriesOf(folder, () => undefined).catch(() => [])) {
    const path = join(folder, entry.name);
    // A folder with such a name was moved out of the way of a value (file-write.ts): it is left for a person.
    if (entry.isDirectory() && !isTemporary(entry.name)) await sweepTemporary(path, clock);
    if (entry.isDirectory() || !isTemporary(entry.name)) continue;
    const age = await lstat(path).then(
      ({ mtimeMs }) => clock.now() - mtimeMs,
      () => 0,
    );
    if (age > ABANDONED_MS) await unlink(path).catch(() => {});
  }
};
