import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import tls from 'node:tls';
import t from 'tap';
import { checkCertificate } from '../../../src/cert/certificate/certificate.ts';
import { createLocalIssuer } from '../../../src/cert/local-ca/local-ca.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { needs } from '../../helpers/needs.ts';
import { tempDir } from '../../helpers/temp-dir.ts';
import { tlsHandshake } from '../../helpers/tls-handshake.ts';

const forever = new AbortController().signal;
const storage = createMemoryStorage();
const DAY = 86_400_000;

for (const keyType of ['ecdsa-p256', 'ecdsa-p384', 'rsa-2048'] as const) {
  t.test(`a leaf with ${keyType} satisfies Node's TLS client`, async (t) => {
    const clock = fakeClock(Date.now());
    const issuer = createLocalIssuer({ storage, keyType, clock });
    const { keyPem, chainPem } = await issuer.obtain('links.example.com', forever);
    const rootPem = await issuer.rootPem(forever);
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const peer = await tlsHandshake(t, {
        context: tls.createSecureContext({ key: keyPem, cert: chainPem }),
        servername: 'links.example.com',
        ca: rootPem,
        version,
      });
      t.equal(peer.subjectaltname, 'DNS:links.example.com');
    }
    const { notBeforeMs, notAfterMs } = checkCertificate('links.example.com', { keyPem, chainPem });
    t.ok(notBeforeMs < clock.now());
    t.ok(notAfterMs <= clock.now() + 7 * DAY && notAfterMs > clock.now() + 7 * DAY - 2000);
  });

  t.test(`a leaf with ${keyType} satisfies OpenSSL's strict check`, { skip: needs('openssl') }, async (t) => {
    const issuer = createLocalIssuer({ storage, keyType, clock: fakeClock(Date.now()) });
    const { chainPem } = await issuer.obtain('links.example.com', forever);
    const rootPem = await issuer.rootPem(forever);
    const folder = tempDir(t);
    writeFileSync(join(folder, 'root.pem'), rootPem);
    writeFileSync(join(folder, 'leaf.pem'), chainPem);
    const args = ['verify', '-x509_strict', '-purpose', 'sslserver', '-verify_hostname', 'links.example.com'];
    t.match(
      execFileSync('openssl', [...args, '-CAfile', join(folder, 'root.pem'), join(folder, 'leaf.pem')], {
        encoding: 'utf8',
      }),
      /leaf\.pem: OK/,
    );
  });
}

t.test('a name too long for a common name is in the alternative names alone', async (t) => {
  const name = `${'a'.repeat(63)}.${'b'.repeat(63)}.example.com`;
  const issuer = createLocalIssuer({ storage, keyType: 'ecdsa-p256', clock: fakeClock(Date.now()) });
  const leaf = new X509Certificate((await issuer.obtain(name, forever)).chainPem);
  t.notOk(leaf.subject);
  t.equal(leaf.subjectAltName, `DNS:${name}`);
});

t.test('there is one root, however many ask at once, and it stays', async (t) => {
  const storage = createMemoryStorage();
  const clock = fakeClock();
  const create = () => createLocalIssuer({ storage, keyType: 'ecdsa-p256', clock });
  const roots = await Promise.all([1, 2, 3].map(() => create().rootPem(forever)));
  t.equal(new Set(roots).size, 1);
  const root = new X509Certificate(roots[0] ?? '');
  t.equal(root.ca, true);
  t.equal(Date.parse(root.validTo), clock.now() + 3650 * DAY);
  t.same(await storage.list('local-ca'), ['local-ca/root.pem']);
  const serials = await Promise.all(
    [1, 2].map(async () => (await create().obtain('a.example', forever)).chainPem),
  );
  t.not(
    new X509Certificate(serials[0] ?? '').serialNumber,
    new X509Certificate(serials[1] ?? '').serialNumber,
  );
});

t.test('a root near its end is replaced; a broken one never is', async (t) => {
  const storage = createMemoryStorage();
  const clock = fakeClock();
  const issuer = createLocalIssuer({ storage, keyType: 'ecdsa-p256', clock });
  const first = await issuer.rootPem(forever);
  clock.jump(clock.now() + 3644 * DAY);
  t.not(await issuer.rootPem(forever), first);
  for (const text of ['nonsense', `${first}`]) {
    await storage.write('local-ca/root.pem', text);
    await t.rejects(
      issuer.rootPem(forever).then(() => undefined),
      { code: 'ERR_CERT_INVALID', message: /local-ca\/root\.pem/ },
    );
  }
});
