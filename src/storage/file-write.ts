// How a value gets into a file whole or not at all: written beside its place under a name no key can have, synced,
// renamed over it, and the folder synced, so that a crash at any instant leaves the old value or the new one.

import { randomBytes } from 'node:crypto';
import { open, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** `~` is not allowed in a key, so a temporary file can never be taken for a value. */
const TEMPORARY_MARK = '~';

export const isTemporary = (fileName: string): boolean => fileName.startsWith(TEMPORARY_MARK);

export const temporaryPath = (folder: string): string =>
  join(folder, `${TEMPORARY_MARK}${randomBytes(9).toString('hex')}`);

/** Makes what was created, renamed or removed in a folder survive a crash of the machine. */
export const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** A new file (mode 0600) with this content, on the disk when it resolves; none when it rejects. */
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

/** Gives the folder at `path` a name that is no key's. Nothing in it is lost. */
const moveAside = async (path: string): Promise<string> => {
  const aside = temporaryPath(dirname(path));
  await rename(path, aside);
  return aside;
};

/**
 * Replaces the file at `path`, atomically and durably. The folder must exist.
 * @returns where a folder is now that stood at `path`; undefined when none did
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
