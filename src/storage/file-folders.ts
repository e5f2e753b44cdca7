// The folders of a storage on a file system: finds and makes the folder of a key. Links are refused, because they lead elsewhere.

import { lstat, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from './file-fault.ts';
import { syncFolder } from './file-write.ts';

/** A folder that was found is not checked again by readers for this time: it saves two lookups of a path for each value. */
const TRUSTED_MS = 1_000;
const MOST_TRUSTED = 64;

export class Folders {
  readonly #root: string;
  readonly #trusted = new Map<string, { readonly folder: string; readonly atMs: number }>();

  constructor(root: string) {
    this.#root = root;
  }

  /**
   * The folder of a key, or undefined when it does not exist. A missing root is a failure and not an absence: an unmounted disk must
   * not look like a storage without certificates.
   */
  async existing(segments: readonly string[]): Promise<string | undefined> {
    await stat(this.#root);
    let folder = this.#root;
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
  }

  /** The same, where a result of the last second is good enough. */
  async existingLately(segments: readonly string[]): Promise<string | undefined> {
    const key = segments.join('/');
    const known = this.#trusted.get(key);
    if (known !== undefined && performance.now() - known.atMs < TRUSTED_MS) return known.folder;
    const folder = await this.existing(segments);
    if (this.#trusted.size >= MOST_TRUSTED) this.#trusted.clear();
    if (folder === undefined) this.#trusted.delete(key);
    else this.#trusted.set(key, { folder, atMs: performance.now() });
    return folder;
  }

  /** The folder of a key, which is made when it does not exist. */
  async made(segments: readonly string[]): Promise<string> {
    await stat(this.#root);
    let folder = this.#root;
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
    return (await this.existing(segments)) ?? folder;
  }
}
