import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemClock } from '../../src/core/platform/clock.ts';
import { createFileStorage, type FileStorage } from '../../src/storage/file.ts';
import { storageChild } from '../helpers/storage-child.ts';
import { storageContract } from '../helpers/storage-contract.ts';
import { needsRoot } from '../helpers/needs.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const forever = new AbortController().signal;

const create = (path: string): FileStorage => createFileStorage({ path, clock: systemClock });

const child = (t: Test, ...args: readonly string[]): ChildProcess => {
  const process = fork(storageChild, args);
  t.teardown(() => process.kill('SIGKILL'));
  return process;
};

await storageContract(t, (t) => create(tempDir(t)));

t.test('open creates a private folder, and values and folders are private too', async (t) => {
  const root = join(tempDir(t), 'new/store');
  const storage = create(root);
  await storage.open();
  await storage.write('certificates/a.example.pem', 'key');
  const lock = await storage.lock('a', forever);
  t.equal(statSync(root).mode & 0o777, 0o700);
  t.equal(statSync(join(root, 'certificates')).mode & 0o777, 0o700);
  t.equal(statSync(join(root, 'certificates/a.example.pem')).mode & 0o777, 0o600);
  t.equal(statSync(join(root, '@locks')).mode & 0o777, 0o700);
  t.equal(statSync(join(root, '@locks/a/1')).mode & 0o777, 0o600);
  await lock.release();
});

t.test('open clears away what a killed process left, and only that', async (t) => {
  const root = tempDir(t);
  const storage = create(root);
  await storage.write('a/b', 'value');
  for (const name of ['~old', '~new']) writeFileSync(join(root, 'a', name), 'rest');
  utimesSync(join(root, 'a/~old'), 0, 0);
  await storage.open();
  t.same(readdirSync(join(root, 'a')).toSorted(), ['b', '~new']);
  t.same(await storage.list('a'), ['a/b']);
});

t.test('a storage that cannot be used says so in one line that names its path', async (t) => {
  const folder = tempDir(t);
  writeFileSync(join(folder, 'file'), '');
  const below = create(join(folder, 'file/store'));
  const path = join(folder, 'file/store');
  const expected = { code: 'ERR_STORAGE_UNAVAILABLE', cause: Error, details: { path, code: 'ENOTDIR' } };
  await t.rejects(below.open(), { ...expected, message: `storage "${path}" cannot be used: ENOTDIR` });
  await t.rejects(below.write('a', 'b'), expected);
  await t.rejects(below.remove('a'), expected);
  await t.rejects(below.lock('a', forever), expected);
  await t.rejects(
    below.read('a').then(() => undefined),
    expected,
  );
  await t.rejects(
    below.list('a').then(() => undefined),
    expected,
  );
});

t.test('a folder that is missing is a failure, not an empty storage', async (t) => {
  const gone = create(join(tempDir(t), 'unmounted'));
  for (const act of [() => gone.read('a'), () => gone.list('a'), () => gone.write('a', 'b')]) {
    const acting = async (): Promise<void> => {
      await act();
    };
    await t.rejects(acting, { code: 'ERR_STORAGE_UNAVAILABLE', details: { code: 'ENOENT' } });
  }
});

t.test('a folder of another user is refused at open', { skip: needsRoot() }, async (t) => {
  const root = tempDir(t);
  const locked = join(root, 'locked');
  mkdirSync(locked, { mode: 0o700 });
  const readOnly = join(root, 'read-only');
  mkdirSync(readOnly, { mode: 0o755 });
  chmodSync(root, 0o755);
  const owned = join(root, 'owned');
  mkdirSync(owned, { mode: 0o700 });
  chownSync(owned, 65534, 65534);
  for (const [path, outcome] of [
    [locked, 'EACCES'],
    [readOnly, 'EACCES'],
    [owned, 'opened'],
  ] as const) {
    // Only the effective user changes, and back at once: the loader of the tests reads files as root.
    const storage = create(path);
    process.seteuid?.(65534);
    try {
      const result = await storage.open().then(
        () => 'opened',
        (error: { details: { code: string } }) => error.details.code,
      );
      t.equal(result, outcome, path);
    } finally {
      process.seteuid?.(0);
    }
  }
});

t.test('a link that leads out of the storage is not followed', async (t) => {
  const root = tempDir(t);
  const outside = tempDir(t);
  writeFileSync(join(outside, 'secret'), 'secret');
  symlinkSync(outside, join(root, 'folder'));
  mkdirSync(join(root, 'real'));
  symlinkSync(join(outside, 'secret'), join(root, 'real/link'));
  const storage = create(root);
  for (const [key, code] of [
    ['folder/secret', 'ERR_STORAGE_UNAVAILABLE'],
    ['real/link', 'ERR_STORAGE_UNREADABLE'],
  ] as const) {
    await t.rejects(
      storage.read(key).then(() => undefined),
      { code },
    );
  }
  await t.rejects(storage.write('folder/new', 'x'), { code: 'ERR_STORAGE_UNAVAILABLE' });
  await storage.write('real/link', 'own');
  t.same(readdirSync(outside), ['secret']);
  t.equal(String(await storage.read('real/link')), 'own');
});

t.test('the folder itself may be a link', async (t) => {
  const real = tempDir(t);
  const link = join(tempDir(t), 'link');
  symlinkSync(real, link);
  const storage = create(link);
  await storage.open();
  await storage.write('a/b', 'c');
  t.equal(String(await storage.read('a/b')), 'c');
  t.ok(existsSync(join(real, 'a/b')));
});

t.test('a process killed while it writes leaves a whole value', async (t) => {
  const root = tempDir(t);
  const storage = create(root);
  for (let round = 0; round < 4; round += 1) {
    const writer = child(t, root, 'write', 'certificates/a.pem');
    await once(writer, 'message');
    const read = await storage.read('certificates/a.pem');
    writer.kill('SIGKILL');
    await once(writer, 'exit');
    for (const value of [read, await storage.read('certificates/a.pem')]) {
      t.equal(value?.length, 200_000);
      t.equal(new Set(value).size, 1, 'all of one write');
    }
    t.same(await storage.list('certificates'), ['certificates/a.pem']);
  }
});

t.test('the lock of a killed process is free at once', async (t) => {
  const root = tempDir(t);
  const storage = create(root);
  const holder = child(t, root, 'hold', 'a');
  await once(holder, 'message');
  const early = AbortSignal.timeout(150);
  await t.rejects(storage.lock('a', early), { code: 'ERR_STORAGE_LOCKED' }, 'held while it lives');
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  const lock = await storage.lock('a', AbortSignal.timeout(5_000));
  await lock.release();
});

t.test('a count kept under the lock by several processes loses nothing, kills included', async (t) => {
  const root = tempDir(t);
  const storage = create(root);
  await storage.write('counter', '0');
  const counters = [1, 2, 3].map(() => child(t, root, 'count', '40'));
  const killed = child(t, root, 'hold', 'counter');
  await once(killed, 'message');
  killed.kill('SIGKILL');
  for (const counter of counters) {
    if (counter.exitCode === null) await once(counter, 'exit');
    t.equal(counter.exitCode, 0);
  }
  t.equal(String(await storage.read('counter')), '120');
  const generations = readdirSync(join(root, '@locks/counter'));
  t.ok(generations.length <= 2, `old generations are cleared away: ${generations.join(' ')}`);
});

t.test('a folder that was believed in and is gone is a failure, not an absence', async (t) => {
  const root = join(tempDir(t), 'store');
  const storage = create(root);
  await storage.open();
  await storage.write('a/b', 'value');
  t.equal(String(await storage.read('a/b')), 'value');
  renameSync(root, `${root}.away`);
  await t.rejects(storage.read('a/b'), { code: 'ERR_STORAGE_UNAVAILABLE' });
  renameSync(`${root}.away`, root);
  t.equal(String(await storage.read('a/b')), 'value');
  renameSync(join(root, 'a'), join(root, 'c'));
  t.equal(await storage.read('a/b'), undefined);
});

t.test('what cannot be used while the rest can is named once', { skip: needsRoot() }, async (t) => {
  const root = tempDir(t);
  chownSync(root, 65534, 65534);
  const told: string[] = [];
  const onFault = ({ code, message }: { code: string; message: string }): void =>
    void told.push(`${code} ${message.replaceAll(root, '')}`);
  const storage = createFileStorage({ path: root, clock: systemClock, onFault });
  process.seteuid?.(65534);
  try {
    await storage.write('a/good', 'value');
    process.seteuid?.(0);
    writeFileSync(join(root, 'a/bad'), 'of root', { mode: 0o600 });
    mkdirSync(join(root, 'a/closed'), { mode: 0o700 });
    mkdirSync(join(root, 'a/folder'));
    process.seteuid?.(65534);
    await storage.open();
    for (let round = 0; round < 2; round += 1) {
      await t.rejects(
        storage.read('a/bad').then(() => undefined),
        { code: 'ERR_STORAGE_UNREADABLE', details: { path: join(root, 'a/bad') } },
      );
      t.same(await storage.list('a'), ['a/bad', 'a/good']);
    }
    t.equal(await storage.read('a/folder'), undefined);
    for (const key of ['a/bad', 'a/folder']) {
      await storage.write(key, 'new');
      t.equal(String(await storage.read(key)), 'new', `${key} is replaced`);
    }
  } finally {
    process.seteuid?.(0);
  }
  t.match(told, [
    'ERR_STORAGE_UNREADABLE storage file "/a/bad" cannot be read: EACCES',
    'ERR_STORAGE_UNREADABLE storage file "/a/closed" is a folder that cannot be read: EACCES',
    /^ERR_STORAGE_UNREADABLE storage file "\/a\/folder" was a folder, which is now "~[0-9a-f]+"$/,
  ]);
  t.equal(told.length, 3);
});

t.test('a folder reached from where the process stands', async (t) => {
  const above = tempDir(t);
  const path = join(above, 'certs');
  const before = process.cwd();
  process.chdir(above);
  t.teardown(() => process.chdir(before));
  const storage = createFileStorage({ path, within: 'certs', clock: systemClock });
  await t.rejects(
    storage.read('a').then(() => undefined),
    { code: 'ERR_STORAGE_UNAVAILABLE', message: `storage "${path}" cannot be read: ENOENT` },
  );
  await storage.open();
  await storage.write('a/b', 'c');
  t.equal(String(await create(path).read('a/b')), 'c');
  t.same(await storage.list('a'), ['a/b']);
});
