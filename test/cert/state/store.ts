import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createLocalIssuer } from '../../../src/cert/local-ca/local-ca.ts';
import { createCertificateStore } from '../../../src/cert/state/store.ts';
import { createFileStorage } from '../../../src/storage/file.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { needs } from '../../helpers/needs.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

const forever = new AbortController().signal;
const name = 'links.example.com';
const issuer = createLocalIssuer({
  storage: createMemoryStorage(),
  keyType: 'ecdsa-p256',
  clock: fakeClock(Date.now()),
});
const made = await issuer.obtain(name, forever);
const origin = { source: 'acme', issuer: 'letsencrypt', directory: 'https://ca.example/dir' } as const;

t.test('what is written comes back, as one value', async (t) => {
  const storage = createMemoryStorage();
  const store = createCertificateStore({ storage });
  t.equal(await store.read(name), undefined);
  const written = await store.write(name, { ...made, ...origin });
  t.same(await store.read(name), written);
  t.same(await store.readToServe(name), written);
  t.match(written, { domain: name, ...origin, keyPem: made.keyPem, chainPem: made.chainPem });
  t.same(await storage.list('certificates'), ['certificates/links.example.com.pem']);

  const text = String(await storage.read('certificates/links.example.com.pem'));
  t.equal(
    text.split('\n')[0],
    'linkgate: {"version":1,"source":"acme","issuer":"letsencrypt","directory":"https://ca.example/dir"}',
  );
  t.ok(text.indexOf('PRIVATE KEY') < text.indexOf('BEGIN CERTIFICATE'));
});

t.test('OpenSSL reads key and certificate of a stored value', { skip: needs('openssl') }, async (t) => {
  const storage = createMemoryStorage();
  const { serial } = await createCertificateStore({ storage }).write(name, { ...made, ...origin });
  const file = join(tempDir(t), 'bundle.pem');
  writeFileSync(file, String(await storage.read('certificates/links.example.com.pem')), { mode: 0o600 });
  const openssl = (...args: readonly string[]): string =>
    execFileSync('openssl', [...args, '-in', file], { encoding: 'utf8' });
  t.equal(openssl('x509', '-noout', '-serial').trim().toLowerCase(), `serial=${serial}`);
  t.equal(openssl('pkey', '-pubout'), openssl('x509', '-noout', '-pubkey'));
});

t.test('a source without a directory has none', async (t) => {
  const store = createCertificateStore({ storage: createMemoryStorage() });
  await store.write(name, { ...made, source: 'local', issuer: 'local' });
  t.notOk('directory' in ((await store.read(name)) ?? {}));
});

t.test('what is broken is refused before it replaces anything', async (t) => {
  const store = createCertificateStore({ storage: createMemoryStorage() });
  const { fingerprint } = await store.write(name, { ...made, ...origin });
  const other = await issuer.obtain(name, forever);
  await t.rejects(store.write(name, { ...origin, keyPem: other.keyPem, chainPem: made.chainPem }), {
    code: 'ERR_CERT_INVALID',
  });
  await t.rejects(store.write('other.example.com', { ...origin, ...made }), { code: 'ERR_CERT_INVALID' });
  t.equal((await store.read(name))?.fingerprint, fingerprint);
  t.equal(await store.read('other.example.com'), undefined);
});

t.test('a broken value says what is wrong with it', async (t) => {
  const storage = createMemoryStorage();
  const store = createCertificateStore({ storage });
  await store.write(name, { ...made, ...origin });
  const key = 'certificates/links.example.com.pem';
  const text = String(await storage.read(key));
  const lines = text.split('\n');
  for (const [broken, message] of [
    ['', /does not say where it came from/],
    [lines.slice(1).join('\n'), /does not say where it came from/],
    [text.replace('"version":1', '"version":2'), /does not say where it came from/],
    [`${lines[0]}\n${made.chainPem}`, /has no private key/],
    [`${lines[0]}\n${made.keyPem}`, /has no certificate in its chain/],
    [text.slice(0, -200), /has no certificate in its chain/],
  ] as const) {
    await storage.write(key, broken);
    await t.rejects(
      store.read(name).then(() => undefined),
      { code: 'ERR_CERT_INVALID', message, details: { domain: name } },
    );
  }
});

t.test('the last three certificates before the present one are kept', async (t) => {
  const clock = fakeClock(Date.now());
  const ca = createLocalIssuer({ storage: createMemoryStorage(), keyType: 'ecdsa-p256', clock });
  const storage = createMemoryStorage();
  const store = createCertificateStore({ storage });
  const serials: string[] = [];
  for (let index = 0; index < 6; index += 1) {
    clock.jump(clock.now() + 60_000);
    const { serial } = await store.write(name, { ...(await ca.obtain(name, forever)), ...origin });
    serials.push(serial);
  }
  t.same(await store.versions(name), serials.slice(2, 5).toSorted());
  t.equal((await store.read(name))?.serial, serials[5]);
  const again = (await store.read(name)) ?? t.fail('gone');
  if (typeof again === 'object') await store.write(name, again);
  t.equal((await store.versions(name)).length, 3, 'the same one is no new version');
  t.same(
    await storage.list('archive'),
    (await store.versions(name)).map((serial) => `archive/${name}/${serial}.pem`),
  );
});

t.test('an archive that cannot be written does not stop a new certificate', async (t) => {
  const storage = createMemoryStorage();
  const store = createCertificateStore({
    storage: {
      ...storage,
      write: (key, value) =>
        key.startsWith('archive/') ? Promise.reject(new Error('ENOSPC')) : storage.write(key, value),
    },
  });
  await store.write(name, { ...made, ...origin });
  const other = await issuer.obtain(name, forever);
  const { serial } = await store.write(name, { ...other, ...origin });
  t.equal((await store.read(name))?.serial, serial);
});

t.test('a certificate taken away is in the archive, and its name is no longer listed', async (t) => {
  const store = createCertificateStore({ storage: createMemoryStorage() });
  await store.archive(name);
  const { serial } = await store.write(name, { ...made, ...origin });
  t.same(await store.list(), [name]);
  await store.archive(name);
  t.equal(await store.read(name), undefined);
  t.same(await store.list(), []);
  t.same(await store.versions(name), [serial]);
});

t.test('the longest name there can be is stored, listed and archived, on a disk too', async (t) => {
  const long = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`;
  t.equal(long.length, 253);
  const storage = createFileStorage({ path: tempDir(t), clock: fakeClock() });
  const store = createCertificateStore({ storage });
  const leaf = await issuer.obtain(long, forever);
  await store.write(long, { ...leaf, ...origin });
  await store.write(name, { ...made, ...origin });
  t.match(await store.read(long), { domain: long, source: 'acme' });
  t.same(await store.list(), [long, name]);
  const { serial } = await store.write(long, { ...(await issuer.obtain(long, forever)), ...origin });
  t.equal((await store.versions(long)).length, 1);
  t.equal((await store.read(long))?.serial, serial);
  await store.archive(long);
  t.same(await store.list(), [name]);
  await (await storage.lock(long, forever)).release();
});

t.test('a glance gives the facts of a read, without a check', async (t) => {
  const storage = createMemoryStorage();
  const store = createCertificateStore({ storage });
  t.equal(await store.glance(name), undefined);
  const leaf = made;
  await store.write(name, { ...leaf, source: 'acme', issuer: 'x', directory: 'https://ca/' });
  const { keyPem: _key, chainPem: _chain, ...known } = (await store.read(name)) ?? leaf;
  t.same(await store.glance(name), known);
  await storage.write(`certificates/${name}.pem`, 'torn');
  await t.rejects(store.glance(name), { code: 'ERR_CERT_INVALID' });
  await storage.write(`certificates/${name}.pem`, leaf.chainPem);
  await t.rejects(store.glance(name), { code: 'ERR_CERT_INVALID', message: /where it came from/ });
});
