import { chownSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { refuseForeignStorage, withOwnedStorage } from '../../src/app/storage-owner.ts';
import { NOBODY } from '../helpers/linkgate.ts';
import { needsRoot } from '../helpers/needs.ts';
import { foreignFiles } from '../helpers/service-of-nobody.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const { signal } = new AbortController();
const identity = (): readonly unknown[] => [
  process.geteuid?.(),
  process.getegid?.(),
  process.getgroups?.(),
  process.cwd(),
];

t.test('root acts as the owner, and is root again whatever happens', { skip: needsRoot() }, async (t) => {
  // the folder above is closed to nobody
  const path = join(tempDir(t), 'certs');
  mkdirSync(path, { mode: 0o700 });
  chownSync(path, NOBODY, NOBODY);
  const before = identity();
  const value = await withOwnedStorage(path, async (storage) => {
    t.same([process.geteuid?.(), process.getegid?.()], [NOBODY, NOBODY]);
    t.notOk(process.getgroups?.().includes(0), 'nor any group of root');
    await storage.write('certificates/a.pem', 'key');
    await (await storage.lock('a', signal)).release();
    return storage.read('certificates/a.pem');
  });
  t.equal(String(value), 'key');
  t.same(identity(), before);
  t.same(foreignFiles(path), []);
  await t.rejects(
    withOwnedStorage(path, () => Promise.reject(new Error('failed'))),
    { message: 'failed' },
  );
  t.same(identity(), before);
});

t.test('a user without an account owns one too', { skip: needsRoot() }, async (t) => {
  const path = join(tempDir(t), 'certs');
  mkdirSync(path, { mode: 0o700 });
  chownSync(path, 61_184, 61_184);
  await withOwnedStorage(path, async (storage) => {
    t.same(process.getgroups?.(), [61_184]);
    await storage.write('a', 'b');
  });
  t.equal(statSync(join(path, 'a')).uid, 61_184);
});

t.test('a message names the path, not the way there', { skip: needsRoot() }, async (t) => {
  const path = join(tempDir(t), 'certs');
  mkdirSync(path, { mode: 0o700 });
  chownSync(path, NOBODY, NOBODY);
  writeFileSync(join(path, 'a'), 'of root', { mode: 0o600 });
  await t.rejects(
    withOwnedStorage(path, (storage) => storage.read('a').then(() => undefined)),
    { code: 'ERR_STORAGE_UNREADABLE', message: `storage file "${join(path, 'a')}" cannot be read: EACCES` },
  );
});

t.test('one’s own folder, and one that is not there', async (t) => {
  const path = join(tempDir(t), 'new/certs');
  const before = identity();
  await withOwnedStorage(path, async (storage) => {
    t.same(identity(), before);
    await storage.write('a', 'b');
  });
  t.equal(statSync(join(path, 'a')).uid, process.geteuid?.());
  await refuseForeignStorage(path);
  await refuseForeignStorage(join(path, 'nothing'));
  writeFileSync(join(path, 'file'), '');
  await t.rejects(
    withOwnedStorage(join(path, 'file/below'), () => Promise.resolve()),
    { code: 'ERR_STORAGE_UNAVAILABLE', details: { code: 'ENOTDIR' } },
  );
});

t.test('a proxy of root refuses the folder of another user', { skip: needsRoot() }, async (t) => {
  const path = tempDir(t);
  chownSync(path, NOBODY, NOBODY);
  await t.rejects(refuseForeignStorage(path), {
    code: 'ERR_STORAGE_FOREIGN',
    message: `storage "${path}" belongs to user ${NOBODY}, who could not read what root writes there`,
  });
});
