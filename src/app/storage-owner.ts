// Root next to a service of another user: while a command works on the storage folder it acts as the owner of that folder, so that the
// service can read what the command writes. A process has one user for all its parts, so this is done in one place, around all that a
// command does with the storage. A command reads the files that a person names before that, and writes them after it.

import { statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import { systemClock } from '../core/platform/clock.ts';
import { LinkgateError } from '../core/errors.ts';
import type { Settings } from '../core/settings.ts';
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

/** The storage of a configuration, for a command that only reads it, as its own user. Nothing is read before the first call. */
export const storageOf = ({ certificates }: Pick<Settings, 'certificates'>): FileStorage =>
  createFileStorage({ path: certificates.storage.path, clock: systemClock });

/** The folder, or the nearest one above it that exists. */
const nearestFolder = async (path: string): Promise<string> => {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  return isThere || dirname(path) === path ? path : nearestFolder(dirname(path));
};

/** missing from the types of Node */
const { initgroups } = process as typeof process & {
  readonly initgroups?: (user: number, group: number) => void;
};

/** The groups of the account; only the group of the folder for a user without an account, such as a dynamic user of systemd. */
const takeGroups = ({ uid, gid }: Owner): void => {
  try {
    initgroups?.(uid, gid);
  } catch {
    process.setgroups?.([gid]);
  }
};

/** @returns a function that makes the process root again */
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
 * Does `work` on the storage in `path`, which is created where it is missing. A process of root acts as the owner of the folder, or of
 * the nearest existing one above it, and is root again when `work` has ended. It enters the folder first, because the owner may have no
 * access to the folders above: a service with a dynamic user has its storage below /var/lib/private.
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
  // the storage reports a path that is not a folder
  if (!(await stat(nearest)).isDirectory()) return opened();
  const before = process.cwd();
  try {
    process.chdir(nearest);
  } catch (cause) {
    const { code = String(cause) } = cause as NodeJS.ErrnoException;
    const message = `storage folder "${path}" cannot be entered: ${code}`;
    throw new LinkgateError('ERR_STORAGE_UNAVAILABLE', message, { cause });
  }
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
 * A proxy that runs as root needs a storage of root: a service of another user could not read what root writes into the folder of that
 * user. The proxy cannot act as that user, as commands do, because it opens ports, now and later.
 * @throws LinkgateError `ERR_STORAGE_FOREIGN`
 */
export const refuseForeignStorage = async (path: string): Promise<void> => {
  if (!isRoot()) return;
  const owner = await stat(path).catch(() => undefined);
  if (owner === undefined || owner.uid === ROOT) return;
  throw foreign(path, owner, 'who could not read what root writes there');
};
