import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { exportStorage, importStorage, restoreSettings } from '../../../src/app/commands/move-storage.ts';
import { systemClock } from '../../../src/core/platform/clock.ts';
import type { Storage } from '../../../src/core/storage.ts';
import { packArchive } from '../../../src/storage/archive.ts';
import { createFileStorage } from '../../../src/storage/file.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

const passphrase = 'correct horse battery staple';
const workFactor = 4;

const VALUES = {
  'accounts/ca.json': '{"key":"…"}',
  'archive/links.example.com/01.pem': 'old',
  'certificates/links.example.com.pem': 'key and chain',
  'certificates/clicks.example.com.pem': 'another',
  'local-ca/root.pem': 'root',
  'served.json': '{}',
  'state/links.example.com.json': '{}',
  'state/issuers.json': '{}',
};

const into =
  (storage: Storage): Parameters<typeof importStorage>[0] =>
  (use) =>
    use(storage);

const exported = async (t: Test) => {
  const folder = tempDir(t);
  const config = join(folder, 'linkgate.yaml');
  writeFileSync(config, 'domains: [] # ours\n');
  const storage = createMemoryStorage();
  for (const [key, value] of Object.entries(VALUES)) await storage.write(key, value);
  await storage.write('challenges/http-01/links.example.com/token', 'stays');
  await storage.write('changes/1', 'stays');
  const file = join(folder, 'backup.age');
  const moved = await exportStorage({ storage, config, file, passphrase, workFactor });
  return { folder, storage, config, file, moved };
};

t.test('a machine continues where another one stopped', async (t) => {
  const { folder, file, config, moved } = await exported(t);
  t.strictSame(moved, { certificates: 2, values: 8 });
  t.equal(statSync(file).mode & 0o777, 0o600);
  t.notMatch(readFileSync(file, 'latin1'), /key and chain|links\.example/, 'nothing shows');

  const there = createFileStorage({ path: join(folder, 'there'), clock: systemClock });
  await there.open();
  t.strictSame(await importStorage(into(there), { file, passphrase, force: false }), moved);
  for (const [key, value] of Object.entries(VALUES)) t.equal(String(await there.read(key)), value, key);
  t.strictSame([...(await there.list('challenges')), ...(await there.list('changes'))], []);
  t.equal(statSync(join(folder, 'there', 'certificates', 'links.example.com.pem')).mode & 0o777, 0o600);
  t.strictSame(await importStorage(into(there), { file, passphrase, force: false }), moved, 'twice is once');

  const restored = join(folder, 'restored.yaml');
  await restoreSettings(file, passphrase, restored);
  t.equal(readFileSync(restored, 'utf8'), readFileSync(config, 'utf8'));
  await t.rejects(restoreSettings(file, passphrase, restored), {
    code: 'ERR_USAGE',
    message: `file "${restored}" exists already`,
  });
});

t.test(
  'what is there and differs is written over by force alone, and nothing before that is known',
  async (t) => {
    const { file } = await exported(t);
    const there = createMemoryStorage();
    await there.write('state/links.example.com.json', 'newer');
    await t.rejects(importStorage(into(there), { file, passphrase, force: false }), {
      code: 'ERR_ARCHIVE_CONFLICT',
      message: 'storage holds another "state/links.example.com.json"',
    });
    t.strictSame(await there.list('certificates'), []);
    await importStorage(into(there), { file, passphrase, force: true });
    t.equal(String(await there.read('state/links.example.com.json')), '{}');
  },
);

t.test('a damaged archive changes nothing', async (t) => {
  const { folder, file } = await exported(t);
  const cut = join(folder, 'cut.age');
  writeFileSync(cut, readFileSync(file).subarray(0, -10));
  const there = createMemoryStorage();
  await t.rejects(importStorage(into(there), { file: cut, passphrase, force: true }), {
    code: 'ERR_ARCHIVE_INVALID',
  });
  for (const key of Object.keys(VALUES)) t.equal(await there.read(key), undefined, key);
});

t.test('names that are not ours are refused', async (t) => {
  const file = join(tempDir(t), 'evil.age');
  for (const name of ['storage/../escape', '/etc/passwd', 'storage/', 'other/x', 'storage/a//b']) {
    const pieces: Uint8Array[] = [];
    for await (const piece of await packArchive([{ name, value: Buffer.from('x') }], {
      passphrase,
      workFactor,
      atMs: 0,
    }))
      pieces.push(piece);
    writeFileSync(file, Buffer.concat(pieces));
    const there = createMemoryStorage();
    await t.rejects(
      importStorage(into(there), { file, passphrase, force: true }),
      {
        code: 'ERR_ARCHIVE_INVALID',
        message: /which (linkgate does not know|is no file)$/,
      },
      name,
    );
  }
});

t.test('files that cannot be had', async (t) => {
  const { folder, storage, config, file } = await exported(t);
  await t.rejects(exportStorage({ storage, config, file, passphrase, workFactor }), {
    message: /exists already$/,
  });
  const nowhere = join(folder, 'absent', 'backup.age');
  await t.rejects(exportStorage({ storage, config, file: nowhere, passphrase, workFactor }), {
    message: /written \(ENOENT\)$/,
  });
  const there = createMemoryStorage();
  await t.rejects(importStorage(into(there), { file: nowhere, passphrase, force: false }), {
    code: 'ERR_USAGE',
  });
  const half = join(folder, 'half.age');
  const failing = { ...storage, read: async () => Promise.reject(new Error('disk')) };
  await t.rejects(exportStorage({ storage: failing, config, file: half, passphrase, workFactor }), /disk/);
  t.notOk(existsSync(half), 'no half archive stays');
});
