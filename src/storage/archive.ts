// A storage in one file, to keep somewhere else or to carry to another machine: a tar archive (POSIX pax) encrypted to a
// passphrase in the age format (C2SP age, scrypt recipient), so that `age -d FILE | tar x` reads it without linkgate too.
// Streams: neither side ever holds more than one value.

import type { Readable } from 'node:stream';
import { Decrypter, Encrypter } from 'age-encryption';
import { Header, Parser, Pax, type ReadEntry } from 'tar';
import { LinkgateError } from '../core/errors.ts';

export interface ArchiveEntry {
  /** path within the archive, parts joined by `/` */
  readonly name: string;
  readonly value: Buffer;
}

const BLOCK = 512;
/** Far above the largest thing kept, a chain with its key. */
const LARGEST_VALUE_BYTES = 4 * 1024 * 1024;

const padded = (value: Buffer): Buffer =>
  Buffer.concat([value, Buffer.alloc((BLOCK - (value.length % BLOCK)) % BLOCK)]);

/** One file of a tar archive: header and content, in whole blocks; a name that is too long for one has a pax header before. */
const tarFile = ({ name, value }: ArchiveEntry, mtime: Date): Buffer => {
  const fields = { path: name, size: value.length, mode: 0o600, mtime, type: 'File' as const };
  const header = new Header(fields);
  const block = Buffer.alloc(BLOCK);
  const isTooLong = header.encode(block);
  const before = isTooLong ? new Pax({ path: name }).encode() : Buffer.alloc(0);
  return Buffer.concat([before, block, padded(value)]);
};

async function* tarOf(
  entries: Iterable<ArchiveEntry> | AsyncIterable<ArchiveEntry>,
  mtime: Date,
): AsyncGenerator<Uint8Array> {
  for await (const entry of entries) yield tarFile(entry, mtime);
  yield Buffer.alloc(2 * BLOCK);
}

const invalid = (why: string, cause?: unknown): LinkgateError =>
  new LinkgateError('ERR_ARCHIVE_INVALID', `archive ${why}`, { cause });

export interface PackOptions {
  readonly passphrase: string;
  /** the time written on each entry */
  readonly atMs: number;
  /** log2 of what it costs to try a passphrase (16: 64 MB of memory and about a second here); less for tests */
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

/**
 * Every entry, in order. What is damaged, cut off or changed by somebody is found (age authenticates every 64 KiB and the end),
 * but only when its place is reached: read an archive to its end before anything is done with it.
 * @throws LinkgateError `ERR_ARCHIVE_INVALID`
 */
export async function* unpackArchive(source: Readable, passphrase: string): AsyncGenerator<ArchiveEntry> {
  const read: ArchiveEntry[] = [];
  let problem: LinkgateError | undefined;
  const parser = new Parser({
    strict: true,
    onReadEntry: (entry: ReadEntry) => {
      const chunks: Buffer[] = [];
      if (entry.type !== 'File') problem ??= invalid(`holds "${entry.path}", which is no file`);
      else if (entry.size > LARGEST_VALUE_BYTES)
        problem ??= invalid(`holds "${entry.path}", which is too large`);
      if (problem !== undefined) entry.resume();
      else entry.on('data', (chunk) => chunks.push(chunk));
      entry.on('end', () => void read.push({ name: entry.path, value: Buffer.concat(chunks) }));
    },
  });
  parser.on('error', (cause) => (problem ??= invalid('is no tar archive within', cause)));
  const taken = function* (): Generator<ArchiveEntry> {
    if (problem !== undefined) throw problem;
    yield* read.splice(0);
  };
  const plain = await decrypted(source, passphrase);
  try {
    for await (const chunk of plain) {
      parser.write(Buffer.from(chunk));
      yield* taken();
    }
  } catch (cause) {
    throw cause instanceof LinkgateError ? cause : invalid('is damaged or cut off', cause);
  }
  const ended = new Promise<void>((resolve) => {
    parser.on('end', () => resolve());
    parser.on('error', () => resolve());
  });
  parser.end();
  await ended;
  yield* taken();
}
