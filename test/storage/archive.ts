import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { Encrypter } from 'age-encryption';
import { Header } from 'tar';
import t from 'tap';
import { packArchive, unpackArchive, type ArchiveEntry } from '../../src/storage/archive.ts';
import { needs } from '../helpers/needs.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const PASSPHRASE = 'correct horse battery staple';

const bytesOf = async (pieces: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  for await (const piece of pieces) chunks.push(piece);
  return Buffer.concat(chunks);
};

const packed = async (entries: Iterable<ArchiveEntry>): Promise<Buffer> =>
  bytesOf(await packArchive(entries, { passphrase: PASSPHRASE, atMs: Date.UTC(2026, 0, 1), workFactor: 4 }));

const unpacked = async (archive: Buffer, passphrase = PASSPHRASE): Promise<readonly ArchiveEntry[]> => {
  const entries: ArchiveEntry[] = [];
  // in pieces that end anywhere
  const pieces = Array.from({ length: Math.ceil(archive.length / 1000) }, (_, at) =>
    archive.subarray(at * 1000, (at + 1) * 1000),
  );
  for await (const entry of unpackArchive(Readable.from(pieces), passphrase)) entries.push(entry);
  return entries;
};

const entry = (name: string, value: string | Buffer): ArchiveEntry => ({ name, value: Buffer.from(value) });

const ENTRIES = [
  entry('settings/linkgate.yaml', 'domains: []\n'),
  entry('storage/empty', ''),
  entry(`storage/certificates/${'a'.repeat(253)}`, Buffer.alloc(70_000, 7)),
  entry('storage/block', Buffer.alloc(512, 1)),
  entry('storage/ümlaut', 'names in UTF-8'),
];

t.test('what is packed is unpacked, byte for byte, in order', async (t) => {
  t.strictSame(await unpacked(await packed(ENTRIES)), ENTRIES);
});

t.test('age and tar read it without us', { skip: needs('age') }, async (t) => {
  const folder = tempDir(t);
  const file = join(folder, 'backup.age');
  writeFileSync(file, await packed(ENTRIES.slice(0, 4)));
  // age asks at a terminal for the passphrase: script(1) is one
  const command = `age -d -o '${folder}/plain.tar' '${file}'`;
  const { status, stdout } = spawnSync('script', ['-qec', command, '/dev/null'], {
    input: `${PASSPHRASE}\n`,
    encoding: 'utf8',
    timeout: 60_000,
  });
  t.equal(status, 0, stdout);
  const list = spawnSync('tar', ['-tvf', join(folder, 'plain.tar')], { encoding: 'utf8' });
  t.equal(list.status, 0, list.stderr);
  t.match(list.stdout, /^-rw------- .* 12 2026-01-01 .*settings\/linkgate\.yaml$/m);
  t.equal(spawnSync('tar', ['-xf', 'plain.tar'], { cwd: folder }).status, 0);
  for (const { name, value } of ENTRIES.slice(0, 4))
    t.ok(readFileSync(join(folder, name)).equals(value), name);
});

t.test('another password, a file that is none, one that was changed or cut', async (t) => {
  const good = await packed(ENTRIES);
  const undecipherable = {
    code: 'ERR_ARCHIVE_INVALID',
    message: /^archive cannot be decrypted: the password/,
  };
  await t.rejects(unpacked(good, 'another'), undecipherable);
  await t.rejects(unpacked(Buffer.from('hello')), undecipherable);
  await t.rejects(unpacked(Buffer.alloc(0)), undecipherable);
  const damaged = { code: 'ERR_ARCHIVE_INVALID', message: 'archive is damaged or cut off' };
  const changed = Buffer.from(good);
  changed[good.length - 20] = (changed[good.length - 20] ?? 0) ^ 1;
  await t.rejects(unpacked(changed), damaged);
  await t.rejects(unpacked(good.subarray(0, -1)), damaged);
  await t.rejects(unpacked(good.subarray(0, 66_000)), damaged);
});

const sealed = async (plain: Buffer): Promise<Buffer> => {
  const encrypter = new Encrypter();
  encrypter.setPassphrase(PASSPHRASE);
  encrypter.setScryptWorkFactor(4);
  return Buffer.from(await encrypter.encrypt(plain));
};

t.test('what is inside is not trusted either', async (t) => {
  const block = Buffer.alloc(512);
  new Header({ path: 'storage/link', type: 'SymbolicLink', linkpath: '/etc/passwd', size: 0 }).encode(block);
  await t.rejects(unpacked(await sealed(Buffer.concat([block, Buffer.alloc(1024)]))), {
    code: 'ERR_ARCHIVE_INVALID',
    message: 'archive holds "storage/link", which is no file',
  });
  await t.rejects(unpacked(await packed([entry('storage/huge', Buffer.alloc(5 * 1024 * 1024))])), {
    code: 'ERR_ARCHIVE_INVALID',
    message: 'archive holds "storage/huge", which is too large',
  });
  await t.rejects(unpacked(await sealed(Buffer.alloc(5000, 'no tar'))), { code: 'ERR_ARCHIVE_INVALID' });
});
