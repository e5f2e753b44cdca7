// `linkgate storage`: everything that a machine needs to continue the work of another one, in one encrypted file. Challenge answers,
// notes to running proxies and locks are left out: they have a meaning on the old machine only.

import { open, readFile, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { systemClock } from '../../core/platform/clock.ts';
import { LinkgateError } from '../../core/errors.ts';
import type { Storage } from '../../core/storage.ts';
import { packArchive, unpackArchive, type ArchiveEntry } from '../../storage/archive.ts';
import { isStorageKey } from '../../storage/keys.ts';

const FOLDERS = ['accounts', 'archive', 'budget', 'certificates', 'local-ca', 'state', 'thumbprints'];
const FILES = ['served.json'];
const SETTINGS = 'settings/linkgate.yaml';
const VALUES = 'storage/';

export interface Moved {
  readonly certificates: number;
  readonly values: number;
}

export interface ExportOptions {
  readonly storage: Storage;
  /** the configuration file that goes along */
  readonly config: string;
  /** the archive, which must not exist */
  readonly file: string;
  readonly passphrase: string;
  /** see packArchive */
  readonly workFactor?: number;
}

const unusable = (file: string, verb: string, cause: unknown): LinkgateError => {
  const { code = 'unknown' } = cause as NodeJS.ErrnoException;
  const why = code === 'EEXIST' ? 'exists already' : `cannot be ${verb} (${code})`;
  return new LinkgateError('ERR_USAGE', `file "${file}" ${why}`, { cause });
};

const isCertificate = (name: string): boolean => name.startsWith(`${VALUES}certificates/`);

/**
 * It also works while a proxy runs: each value is whole, old or new.
 * @throws LinkgateError `ERR_STORAGE_UNAVAILABLE`, `ERR_USAGE` when the file exists or cannot be written; nothing is left of it
 */
export const exportStorage = async ({ storage, config, file, ...how }: ExportOptions): Promise<Moved> => {
  const moved = { certificates: 0, values: 0 };
  const entries = async function* (): AsyncGenerator<ArchiveEntry> {
    yield { name: SETTINGS, value: await readFile(config) };
    const listed = await Promise.all(FOLDERS.map((folder) => storage.list(folder)));
    for (const key of [...FILES, ...listed.flat()]) {
      const value = await storage.read(key);
      // removed since it was listed, or never written
      if (value === undefined) continue;
      moved.values += 1;
      if (isCertificate(VALUES + key)) moved.certificates += 1;
      yield { name: VALUES + key, value };
    }
  };
  const handle = await open(file, 'wx', 0o600).catch((cause: unknown) => {
    throw unusable(file, 'written', cause);
  });
  try {
    for await (const piece of await packArchive(entries(), { ...how, atMs: systemClock.now() })) {
      await handle.writeFile(piece).catch((cause: unknown) => {
        throw unusable(file, 'written', cause);
      });
    }
    await handle.sync();
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  return moved;
};

/** @throws of `use` as well: LinkgateError `ERR_USAGE` for a file that cannot be read */
const withArchive = async <T>(file: string, use: (archive: FileHandle) => Promise<T>): Promise<T> => {
  const handle = await open(file).catch((cause: unknown) => {
    throw unusable(file, 'read', cause);
  });
  try {
    return await use(handle);
  } catch (cause) {
    throw cause instanceof LinkgateError ? cause : unusable(file, 'read', cause);
  } finally {
    await handle.close();
  }
};

async function* entriesOf(archive: FileHandle, passphrase: string): AsyncGenerator<ArchiveEntry> {
  const bytes = archive.createReadStream({ start: 0, autoClose: false });
  for await (const entry of unpackArchive(bytes, passphrase)) {
    const key = entry.name.startsWith(VALUES) ? entry.name.slice(VALUES.length) : undefined;
    const isKnown = entry.name === SETTINGS || (key !== undefined && isStorageKey(key));
    if (!isKnown)
      throw new LinkgateError(
        'ERR_ARCHIVE_INVALID',
        `archive holds "${entry.name}", which linkgate does not know`,
      );
    yield entry;
  }
}

/**
 * Writes the configuration of an archive, for a machine that has none.
 * @throws LinkgateError `ERR_ARCHIVE_INVALID`, `ERR_USAGE` when the file exists or cannot be written
 */
export const restoreSettings = async (file: string, passphrase: string, config: string): Promise<void> => {
  let settings: Buffer | undefined;
  await withArchive(file, async (archive) => {
    for await (const { name, value } of entriesOf(archive, passphrase)) {
      if (name === SETTINGS) settings = value;
    }
  });
  if (settings === undefined)
    throw new LinkgateError('ERR_ARCHIVE_INVALID', 'archive holds no configuration');
  await writeFile(config, settings, { flag: 'wx', mode: 0o644 }).catch((cause: unknown) => {
    throw unusable(config, 'written', cause);
  });
};

export interface ImportOptions {
  readonly file: string;
  readonly passphrase: string;
  readonly force: boolean;
}

const takeOver = async (
  storage: Storage,
  archive: FileHandle,
  { passphrase, force }: ImportOptions,
): Promise<Moved> => {
  for await (const { name, value } of entriesOf(archive, passphrase)) {
    if (name === SETTINGS) continue;
    const before = await storage.read(name.slice(VALUES.length));
    if (force || before === undefined || before.equals(value)) continue;
    throw new LinkgateError('ERR_ARCHIVE_CONFLICT', `storage holds another "${name.slice(VALUES.length)}"`);
  }
  const moved = { certificates: 0, values: 0 };
  for await (const { name, value } of entriesOf(archive, passphrase)) {
    if (name === SETTINGS) continue;
    const key = name.slice(VALUES.length);
    await storage.write(key, value);
    const written = await storage.read(key);
    if (written === undefined || !written.equals(value)) {
      throw new LinkgateError('ERR_STORAGE_UNAVAILABLE', `storage did not keep "${key}"`);
    }
    moved.values += 1;
    if (isCertificate(name)) moved.certificates += 1;
  }
  return moved;
};

/**
 * Writes the values of an archive into the storage. The archive is read to its end before the first value is written. A value that
 * exists and differs is overwritten only with `force`.
 * @param withStorage - gives the storage for as long as it is used; called when the archive is open, which the owner of the storage
 * may not be able to read
 * @throws LinkgateError `ERR_ARCHIVE_INVALID`, `ERR_ARCHIVE_CONFLICT`, `ERR_STORAGE_*`
 */
export const importStorage = (
  withStorage: (use: (storage: Storage) => Promise<Moved>) => Promise<Moved>,
  options: ImportOptions,
): Promise<Moved> =>
  withArchive(options.file, (archive) => withStorage((storage) => takeOver(storage, archive, options)));
