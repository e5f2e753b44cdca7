// The storage contract on a folder: a key is a file below it. The supervisor and the workers share the folder, and so do several machines
// when it is on a network file system. Folders have mode 0700, files 0600. It must not know what the values mean.

import { mkdir, unlink } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import type { Clock } from '../core/platform/clock.ts';
import type { LinkgateError } from '../core/errors.ts';
import type { Lock, Storage } from '../core/storage.ts';
import { codeOf, createFaults, isOfOneFile, unavailable, unreadable, type Faults } from './file-fault.ts';
import { Folders } from './file-folders.ts';
import { keysBelow, sweepTemporary } from './file-list.ts';
import { takeFileLock } from './file-lock.ts';
import { readWhole } from './file-read.ts';
import { replaceFile, temporaryPath, writeNew } from './file-write.ts';
import { keySegments, lockSegment } from './keys.ts';
import { processIdentity, type ProcessIdentity } from './process-identity.ts';

export interface FileStorageOptions {
  /** absolute path of the folder */
  readonly path: string;
  /** the same folder relative to the working folder of this process, which then must not change; for a path with closed folders */
  readonly within?: string;
  readonly clock: Clock;
  /** called for each file or folder that cannot be used while the rest can; once, until it can be used again */
  readonly onFault?: (error: LinkgateError) => void;
}

/** Holds the locks; `@` keeps it out of every key. */
const LOCKS = '@locks';

/** A storage on a folder. It touches nothing before the first call. */
export class FileStorage implements Storage {
  readonly #clock: Clock;
  /** the root as messages name it */
  readonly #named: string;
  readonly #root: string;
  readonly #folders: Folders;
  readonly #faults: Faults;
  #self: Promise<ProcessIdentity> | undefined;

  constructor({ path, within, clock, onFault }: FileStorageOptions) {
    this.#clock = clock;
    this.#named = resolve(path);
    this.#root = within ?? this.#named;
    this.#folders = new Folders(this.#root);
    this.#faults = createFaults(onFault ?? (() => undefined));
  }

  /**
   * Creates the folder when it is missing, checks that it can be written and read, and removes the half-written files of a process that
   * was killed. The supervisor calls it at the start.
   * @throws LinkgateError `ERR_STORAGE_UNAVAILABLE`
   */
  open(): Promise<void> {
    return this.#guarded('used', async () => {
      await mkdir(this.#root, { recursive: true, mode: 0o700 });
      const probe = temporaryPath(this.#root);
      await writeNew(probe, 'linkgate');
      await unlink(probe);
      await sweepTemporary(this.#root, this.#clock);
    });
  }

  async read(key: string): Promise<Buffer | undefined> {
    const segments = keySegments(key);
    return this.#guarded('read', async () => {
      const folder = await this.#folders.existingLately(segments.slice(0, -1));
      if (folder === undefined) return undefined;
      try {
        const value = await readWhole(join(folder, segments.at(-1) ?? ''));
        this.#faults.isWell(key);
        return value;
      } catch (error) {
        if (codeOf(error) === 'EISDIR') return undefined;
        if (isOfOneFile(error)) throw this.#unreadable(key, error);
        if (codeOf(error) !== 'ENOENT') throw error;
        // The file may be absent because the whole storage is gone by now.
        await this.#folders.existing(segments.slice(0, -1));
        return undefined;
      }
    });
  }

  async write(key: string, value: Buffer | string): Promise<void> {
    const segments = keySegments(key);
    return this.#guarded('written', async () => {
      const folder = await this.#folders.made(segments.slice(0, -1));
      const aside = await replaceFile(join(folder, segments.at(-1) ?? ''), value);
      this.#faults.isWell(key);
      if (aside === undefined) return;
      const what = `was a folder, which is now "${basename(aside)}"`;
      this.#faults.tell(aside, unreadable(join(this.#named, key), what));
    });
  }

  async remove(key: string): Promise<void> {
    const segments = keySegments(key);
    return this.#guarded('written', async () => {
      const folder = await this.#folders.existing(segments.slice(0, -1));
      if (folder === undefined) return;
      await unlink(join(folder, segments.at(-1) ?? '')).catch((error: unknown) => {
        if (codeOf(error) !== 'ENOENT') throw error;
      });
    });
  }

  async list(prefix: string): Promise<readonly string[]> {
    const segments = keySegments(prefix);
    return this.#guarded('read', async () => {
      const folder = await this.#folders.existing(segments);
      if (folder === undefined) return [];
      const keys = await keysBelow(folder, prefix, (closed, error) => {
        const path = join(this.#named, relative(this.#root, closed));
        const fault = unreadable(path, `is a folder that cannot be read: ${codeOf(error)}`, error);
        this.#faults.tell(path, fault);
      });
      return keys.toSorted();
    });
  }

  async lock(name: string, signal: AbortSignal): Promise<Lock> {
    const segment = lockSegment(name);
    return this.#guarded('locked', async () => {
      this.#self ??= processIdentity();
      const folder = join(await this.#folders.made([LOCKS]), segment);
      return takeFileLock({ folder, name, clock: this.#clock, self: await this.#self, signal });
    });
  }

  #unreadable(key: string, error: unknown): LinkgateError {
    const fault = unreadable(join(this.#named, key), `cannot be read: ${codeOf(error)}`, error);
    this.#faults.tell(key, fault);
    return fault;
  }

  async #guarded<T>(verb: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw unavailable(this.#named, verb, error);
    }
  }
}

export const createFileStorage = (options: FileStorageOptions): FileStorage => new FileStorage(options);
