// The storage contract on a folder: a key is a file below it. Shared by supervisor and workers, and by machines when the folder
// is a network file system. Folders 0700, files 0600. Must not know what the values mean.

import { lstat, mkdir, stat, unlink } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import type { Clock } from '../core/platform/clock.ts';
import type { LinkgateError } from '../core/errors.ts';
import type { Storage } from '../core/storage.ts';
import { codeOf, createFaults, isOfOneFile, unavailable, unreadable } from './file-fault.ts';
import { keysBelow, sweepTemporary } from './file-list.ts';
import { takeFileLock } from './file-lock.ts';
import { readWhole } from './file-read.ts';
import { replaceFile, syncFolder, temporaryPath, writeNew } from './file-write.ts';
import { keySegments, lockSegment } from './keys.ts';
import { processIdentity, type ProcessIdentity } from './process-identity.ts';

export interface FileStorageOptions {
  /** absolute path of the folder */
  readonly path: string;
  /** the same folder from the working folder of this process, which then must not change; for a path that cannot be walked */
  readonly within?: string;
  readonly clock: Clock;
  /** told of each file or folder that cannot be used while the rest can; once, until it is well again */
  readonly onFault?: (error: LinkgateError) => void;
}

export interface FileStorage extends Storage {
  /**
   * Creates the folder when it is missing, proves that it can be written and read, and clears away what a killed
   * process left half-written. The supervisor calls it at start.
   * @throws LinkgateError `ERR_STORAGE_UNAVAILABLE`
   */
  open(): Promise<void>;
}

/** Holds the locks; `@` keeps it out of every key. */
const LOCKS = '@locks';

/** a folder that was found good is believed for so long by those who read: two lookups of a path for each value are saved */
const BELIEVED_MS = 1_000;
const MOST_BELIEVED = 64;

/** A storage on `path`. Nothing is touched before the first call. */
export const createFileStorage = (options: FileStorageOptions): FileStorage => {
  const { clock } = options;
  const named = resolve(options.path);
  const root = options.within ?? named;
  const faults = createFaults(options.onFault ?? (() => undefined));
  let self: Promise<ProcessIdentity> | undefined;

  const guarded = async <T>(verb: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw unavailable(named, verb, error);
    }
  };

  /**
   * The folder of a key, or undefined when it does not exist. A missing root is a failure, not an absence: an unmounted
   * disk must not look like a storage without certificates. A link is refused: it leads elsewhere.
   */
  const existingFolder = async (segments: readonly string[]): Promise<string | undefined> => {
    await stat(root);
    let folder = root;
    for (const segment of segments) {
      folder = join(folder, segment);
      const found = await lstat(folder).catch((error: unknown) => {
        if (codeOf(error) === 'ENOENT') return undefined;
        throw error;
      });
      if (found === undefined) return undefined;
      if (found.isSymbolicLink()) throw new Error(`"${join(...segments)}" is a link that leads elsewhere`);
    }
    return folder;
  };

  const believed = new Map<string, { readonly folder: string; readonly atMs: number }>();

  /** {@link existingFolder}, or what it said a moment ago. */
  const readableFolder = async (segments: readonly string[]): Promise<string | undefined> => {
    const key = segments.join('/');
    const known = believed.get(key);
    if (known !== undefined && performance.now() - known.atMs < BELIEVED_MS) return known.folder;
    const folder = await existingFolder(segments);
    if (believed.size >= MOST_BELIEVED) believed.clear();
    if (folder === undefined) believed.delete(key);
    else believed.set(key, { folder, atMs: performance.now() });
    return folder;
  };

  const madeFolder = async (segments: readonly string[]): Promise<string> => {
    await stat(root);
    let folder = root;
    for (const segment of segments) {
      const parent = folder;
      folder = join(parent, segment);
      try {
        await mkdir(folder, { mode: 0o700 });
        await syncFolder(parent);
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error;
      }
    }
    return (await existingFolder(segments)) ?? folder;
  };

  const read = async (key: string): Promise<Buffer | undefined> => {
    const segments = keySegments(key);
    return guarded('read', async () => {
      const folder = await readableFolder(segments.slice(0, -1));
      if (folder === undefined) return undefined;
      try {
        const value = await readWhole(join(folder, segments.at(-1) ?? ''));
        faults.isWell(key);
        return value;
      } catch (error) {
        if (codeOf(error) === 'EISDIR') return undefined;
        if (isOfOneFile(error)) {
          const fault = unreadable(join(named, key), `cannot be read: ${codeOf(error)}`, error);
          faults.tell(key, fault);
          throw fault;
        }
        if (codeOf(error) !== 'ENOENT') throw error;
        // An absence that is none: the storage itself may be gone by now.
        await existingFolder(segments.slice(0, -1));
        return undefined;
      }
    });
  };

  const write = async (key: string, value: Buffer | string): Promise<void> => {
    const segments = keySegments(key);
    return guarded('written', async () => {
      const folder = await madeFolder(segments.slice(0, -1));
      const aside = await replaceFile(join(folder, segments.at(-1) ?? ''), value);
      faults.isWell(key);
      if (aside === undefined) return;
      faults.tell(aside, unreadable(join(named, key), `was a folder, which is now "${basename(aside)}"`));
    });
  };

  const remove = async (key: string): Promise<void> => {
    const segments = keySegments(key);
    return guarded('written', async () => {
      const folder = await existingFolder(segments.slice(0, -1));
      if (folder === undefined) return;
      await unlink(join(folder, segments.at(-1) ?? '')).catch((error: unknown) => {
        if (codeOf(error) !== 'ENOENT') throw error;
      });
    });
  };

  const list = async (prefix: string): Promise<readonly string[]> => {
    const segments = keySegments(prefix);
    return guarded('read', async () => {
      const folder = await existingFolder(segments);
      if (folder === undefined) return [];
      const keys = await keysBelow(folder, prefix, (closed, error) => {
        const path = join(named, relative(root, closed));
        faults.tell(path, unreadable(path, `is a folder that cannot be read: ${codeOf(error)}`, error));
      });
      return keys.toSorted();
    });
  };

  return {
    read,
    write,
    remove,
    list,
    lock: async (name, signal) => {
      const segment = lockSegment(name);
      return guarded('locked', async () => {
        self ??= processIdentity();
        const folder = join(await madeFolder([LOCKS]), segment);
        return takeFileLock({ folder, name, clock, self: await self, signal });
      });
    },
    open: () =>
      guarded('used', async () => {
        await mkdir(root, { recursive: true, mode: 0o700 });
        const probe = temporaryPath(root);
        await writeNew(probe, 'linkgate');
        await unlink(probe);
        await sweepTemporary(root, clock);
      }),
  };
};
