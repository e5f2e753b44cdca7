// The storage contract on a folder: a key is a file below it. Shared by supervisor and workers, and by machines when the folder
// is a network file system. Folders 0700, files 0600. Must not know what the values mean.

import { mkdir, readdir, realpath, stat, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Clock } from '../core/platform/clock.ts';
import { LinkgateError } from '../core/errors.ts';
import type { Storage } from '../core/storage.ts';
import { takeFileLock } from './file-lock.ts';
import { readWhole } from './file-read.ts';
import { isTemporary, replaceFile, syncFolder, temporaryPath, writeNew } from './file-write.ts';
import { isSegment, keySegments, lockSegment } from './keys.ts';
import { processIdentity, type ProcessIdentity } from './process-identity.ts';

export interface FileStorageOptions {
  /** absolute path of the folder */
  readonly path: string;
  readonly clock: Clock;
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

/** A temporary file this old belongs to a process that was killed. */
const ABANDONED_MS = 3_600_000;

/** a folder that was found good is believed for so long by those who read: two lookups of a path for each value are saved */
const BELIEVED_MS = 1_000;
const MOST_BELIEVED = 64;

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** A storage on `path`. Nothing is touched before the first call. */
export const createFileStorage = ({ path, clock }: FileStorageOptions): FileStorage => {
  const root = resolve(path);
  let self: Promise<ProcessIdentity> | undefined;

  const unavailable = (verb: string, error: unknown): LinkgateError => {
    if (error instanceof LinkgateError) return error;
    const code = codeOf(error);
    return new LinkgateError(
      'ERR_STORAGE_UNAVAILABLE',
      `storage "${root}" cannot be ${verb}: ${code ?? String(error)}`,
      { cause: error, details: { path: root, ...(code === undefined ? {} : { code }) } },
    );
  };

  const guarded = async <T>(verb: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw unavailable(verb, error);
    }
  };

  /**
   * The folder of a key, or undefined when it does not exist. A missing root is a failure, not an absence: an unmounted
   * disk must not look like a storage without certificates. A link that leads elsewhere is refused.
   */
  const existingFolder = async (segments: readonly string[]): Promise<string | undefined> => {
    const expected = join(await realpath(root), ...segments);
    const actual = await realpath(join(root, ...segments)).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (actual !== undefined && actual !== expected) {
      throw new Error(`"${join(...segments)}" is a link that leads elsewhere`);
    }
    return actual;
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
    await realpath(root);
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
        return await readWhole(join(folder, segments.at(-1) ?? ''));
      } catch (error) {
        if (codeOf(error) === 'EISDIR') return undefined;
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
      await replaceFile(join(folder, segments.at(-1) ?? ''), value);
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

  const filesBelow = async (folder: string, prefix: string): Promise<readonly string[]> => {
    const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return [];
      throw error;
    });
    const found = await Promise.all(
      entries
        .filter(({ name }) => isSegment(name))
        .map((entry) => {
          if (entry.isFile()) return [`${prefix}/${entry.name}`];
          return entry.isDirectory() ? filesBelow(join(folder, entry.name), `${prefix}/${entry.name}`) : [];
        }),
    );
    return found.flat();
  };

  const list = async (prefix: string): Promise<readonly string[]> => {
    const segments = keySegments(prefix);
    return guarded('read', async () => {
      const folder = await existingFolder(segments);
      return folder === undefined ? [] : (await filesBelow(folder, prefix)).toSorted();
    });
  };

  const sweep = async (): Promise<void> => {
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    for (const entry of entries.filter(({ name }) => isTemporary(name))) {
      const file = join(entry.parentPath, entry.name);
      const age = await stat(file).then(
        ({ mtimeMs }) => clock.now() - mtimeMs,
        () => 0,
      );
      if (age > ABANDONED_MS) await unlink(file).catch(() => {});
    }
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
        await sweep();
      }),
  };
};
