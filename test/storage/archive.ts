import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { Encrypter } from 'age-encryption';
import { pack } from 'tar-stream';
import t from 'tap';
import { LinkgateError } from '../../src/core/errors.ts';
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

/** The tar of an archive that another library wrote: short names, a long one, an empty value, a whole block, a name in UTF-8. */
const WRITTEN_BEFORE = [
  'H4sIAAAAAAACA+2YPU7EMBCFTYXEKXwByPgnyQqJFlFSQIUohqwJ1uZnFXul3bvRcTGUFStEFFiKOBBlviZSXETO+M28Z2e8t1Xu',
  'osJWqxy9udhhWbBBAYAEgPe93yM0ZyIWMlZKawAGQkpIOAM2AhvnsWEAA2wS2k0enhNhWZdoK3fJHx7PGDE7nK8bzE1kyrXfBfrG',
  'Mf23a1/1Dxo06X8MbnF7Y3BpmghDsa+/1t/WX6vOGshUp5KzLdU/OHKh+Rr9y9WhEWSm8fbZZuiNC3cmpsAs5uEI//FI/xcy7fo/',
  'pWM19f7fp6d/WP9Tgpgo5N6H8/9PRZ2t/sT/iz7/r7Qg/z8GJ8Ss+cx/b69lgRsfSP8/5D9QHbm0+V8pyn+j5L9O/Ps4BXQXOLP5',
  'H079v7j/T7rzX4iU7v9HocLSOG4rfn93fb4gPRAEQcyFd+tRg2IAIAAA',
].join('');

t.test('archives of earlier versions stay readable', async (t) => {
  const read = await unpacked(await sealed(gunzipSync(Buffer.from(WRITTEN_BEFORE, 'base64'))));
  const long = entry(`storage/certificates/${'a'.repeat(253)}`, Buffer.alloc(700, 7));
  t.strictSame(read, [...ENTRIES.slice(0, 2), long, ...ENTRIES.slice(3)]);
});

t.test('a value that cannot be read ends the archive with its error', async (t) => {
  const broken = async function* (): AsyncGenerator<ArchiveEntry> {
    yield entry('storage/one', 'good');
    throw new LinkgateError('ERR_STORAGE_UNAVAILABLE', 'storage is gone');
  };
  const options = { passphrase: PASSPHRASE, atMs: 0, workFactor: 4 };
  await t.rejects(packArchive(broken(), options).then(bytesOf), { code: 'ERR_STORAGE_UNAVAILABLE' });
});

t.test('a reader that stops early leaves nothing open', async (t) => {
  const source = Readable.from([await packed(ENTRIES)]);
  for await (const { name } of unpackArchive(source, PASSPHRASE)) {
    t.equal(name, 'settings/linkgate.yaml');
    break;
  }
});

t.test('a tar that ends in the middle of a value is refused, although its encryption is whole', async (t) => {
  const tar = gunzipSync(Buffer.from(WRITTEN_BEFORE, 'base64'));
  for (const bytes of [100, 520, 3_000]) {
    const cut = unpacked(await sealed(tar.subarray(0, bytes)));
    await t.rejects(cut, { code: 'ERR_ARCHIVE_INVALID', message: 'archive is no tar archive within' });
  }
});

t.test('what is inside is not trusted either', async (t) => {
  const tar = pack();
  tar.entry({ name: 'storage/link', type: 'symlink', linkname: '/etc/passwd' });
  tar.finalize();
  const link = await buffer(tar);
  await t.rejects(unpacked(await sealed(link)), {
    code: 'ERR_ARCHIVE_INVALID',
    message: 'archive holds "storage/link", which is no file',
  });
  await t.rejects(unpacked(await packed([entry('storage/huge', Buffer.alloc(5 * 1024 * 1024))])), {
    code: 'ERR_ARCHIVE_INVALID',
    message: 'archive holds "storage/huge", which is too large',
  });
  await t.rejects(unpacked(await sealed(Buffer.alloc(5000, 'no tar'))), { code: 'ERR_ARCHIVE_INVALID' });
});
