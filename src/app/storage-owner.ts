// Root next to a service of another user: a command acts as the owner of the storage folder for as long as it works on it, so
// that the service can read what it writes. The user of a process is one for all its parts, so this is done in one place, around
// all that a command does with the storage; files that a person named are read before and written after.

import { statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import { systemClock } from '../core/platform/clock.ts';
import { LinkgateError } from '../core/errors.ts';
import { createFileStorage, type FileStorage } from '../storage/file.ts';

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

const ROOT = 0;
const isRoot = (): boolean => process.geteuid?.() === ROOT;

const foreign = (path: string, { uid }: Owner, why: string, cause?: unknown): LinkgateError =>
  new LinkgateError('ERR_STORAGE_FOREIGN', `storage "${path}" belongs to user ${uid}, ${why}`, {
    cause,
    details: { path, uid },
  });

/** The folder, or the nearest one above it that exists. */
const nearestFolder = async (path: string): Promise<string> => {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  return isThere || dirname(path) === path ? path : nearestFolder(dirname(path));
};

/** what the types of Node leave out */
const { initgroups } = process as typeof process & {
  readonly initgroups?: (user: number, group: number) => void;
};

/** Groups the account has; that of the folder alone for a user without one, as dynamic users of systemd are. */
const takeGroups = ({ uid, gid }: Owner): void => {
  try {
    initgroups?.(uid, gid);
  } catch {
    process.setgroups?.([gid]);
  }
};

/** @returns makes the process root again */
const become = (owner: Owner): (() => void) => {
  const undo: (() => void)[] = [];
  const comeBack = (): void => {
    for (const step of undo.splice(0).toReversed()) step();
  };
  const [groups, gid] = [process.getgroups?.() ?? [], process.getegid?.() ?? ROOT];
  try {
    takeGroups(owner);
    undo.push(() => process.setgroups?.(groups));
    process.setegid?.(owner.gid);
    undo.push(() => process.setegid?.(gid));
    process.seteuid?.(owner.uid);
    undo.push(() => process.seteuid?.(ROOT));
    return comeBack;
  } catch (error) {
    comeBack();
    throw error;
  }
};

/**
 * Does `work` on the storage in `path`, which is created where it is missing. As root it is done as the owner of the folder, or of
 * the nearest one above that exists; root again when `work` has ended. The folder is entered before, because the way to it may be
 * closed to its owner: a service with a dynamic user has its storage below /var/lib/private.
 * @throws LinkgateError `ERR_STORAGE_FOREIGN` when this process may not become the owner, `ERR_STORAGE_UNAVAILABLE`; whatever `work`
 * throws
 */
export const withOwnedStorage = async <T>(
  path: string,
  work: (storage: FileStorage) => Promise<T>,
): Promise<T> => {
  const clock = systemClock;
  const opened = async (within?: string): Promise<T> => {
    const storage = createFileStorage({ path, clock, ...(within === undefined ? {} : { within }) });
    await storage.open();
    return work(storage);
  };
  if (!isRoot()) return opened();
  const nearest = await nearestFolder(resolve(path));
  // what is no folder is told by the storage
  if (!(await stat(nearest)).isDirectory()) return opened();
  const before = process.cwd();
  process.chdir(nearest);
  let comeBack = (): void => undefined;
  try {
    const owner = statSync('.');
    if (owner.uid === ROOT) {
      process.chdir(before);
      return await opened();
    }
    try {
      comeBack = become(owner);
    } catch (cause) {
      const { code = String(cause) } = cause as NodeJS.ErrnoException;
      throw foreign(path, owner, `as whom this process may not act: ${code}`, cause);
    }
    return await opened(relative(nearest, resolve(path)) || '.');
  } finally {
    comeBack();
    process.chdir(before);
  }
};

/**
 * A proxy that runs as root keeps root's storage: what it wrote into a folder of another user, a service of that user could not
 * read. It cannot act as that user as commands do: it opens ports, now and later.
 * @throws LinkgateError `ERR_STORAGE_FOREIGN`
 */
export const refuseForeignStorage = async (path: string): Promise<void> => {
  if (!isRoot()) return;
  const owner = await stat(path).catch(() => undefined);
  if (owner === undefined || owner.uid === ROOT) return;
  throw foreign(path, owner, 'who could not read what root writes there');
};
