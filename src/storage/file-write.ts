// Writes a value into a file completely or not at all. It is written next to the file, under a name that no key can have, synced and
// renamed, and the folder is synced: a crash at any moment leaves the old value or the new one.

import { randomBytes } from 'node:crypto';
import { open, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** `~` is not allowed in a key, so a temporary file can never be taken for a value. */
const TEMPORARY_MARK = '~';

export const isTemporary = (fileName: string): boolean => fileName.startsWith(TEMPORARY_MARK);

export const temporaryPath = (folder: string): string =>
  join(folder, `${TEMPORARY_MARK}${randomBytes(9).toString('hex')}`);

/** After this, files that were created, renamed or removed in the folder stay so after a crash of the machine. */
export const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** Writes a new file (mode 0600); it is on the disk when this resolves, and there is none when this rejects. */
export const writeNew = async (path: string, value: Buffer | string): Promise<void> => {
  const handle = await open(path, 'wx', 0o600);
  try {
    try {
      await handle.writeFile(value);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    await unlink(path).catch(() => {});
    throw error;
  }
};

/** Renames the folder at `path` to a name that no key can have. Nothing in it is lost. */
const moveAside = async (path: string): Promise<string> => {
  const aside = temporaryPath(dirname(path));
  await rename(path, aside);
  return aside;
};

/**
 * Replaces the file at `path`, atomically and durably. The folder must exist.
 * @returns the new place of a folder that was at `path`; undefined when there was none
 */
export const replaceFile = async (path: string, value: Buffer | string): Promise<string | undefined> => {
  const folder = dirname(path);
  const temporary = temporaryPath(folder);
  await writeNew(temporary, value);
  let aside: string | undefined;
  try {
    await rename(temporary, path).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EISDIR') throw error;
      aside = await moveAside(path);
      await rename(temporary, path);
    });
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  }
  await syncFolder(folder);
  return aside;
};
