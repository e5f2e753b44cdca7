// A storage in one file, to keep elsewhere or to move to another machine: a tar archive (POSIX pax), encrypted with a passphrase in
// the age format (C2SP age, scrypt recipient), so that `age -d FILE | tar x` reads it without linkgate as well.
// It is a stream: neither side ever holds more than one value.

import { Readable } from 'node:stream';
import { Decrypter, Encrypter } from 'age-encryption';
import { extract, pack, type Entry } from 'tar-stream';
import { LinkgateError, toLinkgateError } from '../core/errors.ts';

export interface ArchiveEntry {
  /** path within the archive, parts joined by `/` */
  readonly name: string;
  readonly value: Buffer;
}

/** Far above the largest value, a chain with its key. */
const LARGEST_VALUE_BYTES = 4 * 1024 * 1024;

/** A tar archive that takes the next entry when the one before was read. */
const tarOf = (entries: Iterable<ArchiveEntry> | AsyncIterable<ArchiveEntry>, mtime: Date): Readable => {
  const tar = pack();
  const write = ({ name, value }: ArchiveEntry): Promise<void> =>
    new Promise((resolve, reject) => {
      const done = (error?: Error | null): void => (error ? reject(error) : resolve());
      tar.entry({ name, mode: 0o600, mtime }, value, done);
    });
  const fill = async (): Promise<void> => {
    for await (const entry of entries) await write(entry);
    tar.finalize();
  };
  fill().catch((error: unknown) => tar.destroy(toLinkgateError(error)));
  return tar;
};

const invalid = (why: string, cause?: unknown): LinkgateError =>
  new LinkgateError('ERR_ARCHIVE_INVALID', `archive ${why}`, { cause });

export interface PackOptions {
  readonly passphrase: string;
  /** the time written on each entry */
  readonly atMs: number;
  /** log2 of the cost to try a passphrase (16: 64 MB of memory and about a second); less for tests */
  readonly workFactor?: number;
}

/** The encrypted archive, piece by piece. */
export const packArchive = async (
  entries: Iterable<ArchiveEntry> | AsyncIterable<ArchiveEntry>,
  { passphrase, atMs, workFactor = 16 }: PackOptions,
): Promise<AsyncIterable<Uint8Array>> => {
  const encrypter = new Encrypter();
  encrypter.setPassphrase(passphrase);
  encrypter.setScryptWorkFactor(workFactor);
  return encrypter.encrypt(ReadableStream.from(tarOf(entries, new Date(atMs))) as ReadableStream<Uint8Array>);
};

const decrypted = async (source: Readable, passphrase: string): Promise<AsyncIterable<Uint8Array>> => {
  const decrypter = new Decrypter();
  decrypter.addPassphrase(passphrase);
  const bytes = ReadableStream.from(source) as ReadableStream<Uint8Array>;
  try {
    return await decrypter.decrypt(bytes);
  } catch (cause) {
    throw invalid('cannot be decrypted: the password is another one, or the file is no archive', cause);
  }
};

const readEntry = async (entry: Entry): Promise<ArchiveEntry> => {
  const { name, type, size = 0 } = entry.header;
  if (type !== 'file') throw invalid(`holds "${name}", which is no file`);
  if (size > LARGEST_VALUE_BYTES) throw invalid(`holds "${name}", which is too large`);
  const chunks: Buffer[] = [];
  for await (const chunk of entry) chunks.push(chunk);
  return { name, value: Buffer.concat(chunks) };
};

/**
 * Every entry, in order. Damage, a missing end and changes are found (age authenticates every 64 KiB and the end), but only
 * when the reader reaches them: read an archive to its end before you use anything of it.
 * @throws LinkgateError `ERR_ARCHIVE_INVALID`
 */
export async function* unpackArchive(source: Readable, passphrase: string): AsyncGenerator<ArchiveEntry> {
  const bytes = Readable.from(await decrypted(source, passphrase));
  const tar = extract();
  bytes.on('error', (cause) => tar.destroy(invalid('is damaged or cut off', cause)));
  bytes.pipe(tar);
  try {
    for await (const entry of tar) yield await readEntry(entry);
  } catch (cause) {
    throw cause instanceof LinkgateError ? cause : invalid('is no tar archive within', cause);
  } finally {
    bytes.destroy();
  }
}
