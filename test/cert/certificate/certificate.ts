import { generateKeyPairSync } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import t from 'tap';
import { checkCertificate, checkToServe, splitChain } from '../../../src/cert/certificate/certificate.ts';
import { createLocalIssuer } from '../../../src/cert/local-ca/local-ca.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';

const forever = new AbortController().signal;
const clock = fakeClock();
const issuer = createLocalIssuer({ storage: createMemoryStorage(), keyType: 'ecdsa-p256', clock });
const good = await issuer.obtain('links.example.com', forever);
const other = await issuer.obtain('links.example.com', forever);
const root = await issuer.rootPem(forever);

const rsa = await createLocalIssuer({
  storage: createMemoryStorage(),
  keyType: 'rsa-2048',
  clock,
}).obtain('links.example.com', forever);

const keyPemOf = (kind: string, options: object): string =>
  (generateKeyPairSync as (kind: string, options: object) => { privateKey: { export(o: object): string } })(
    kind,
    options,
  ).privateKey.export({ type: 'pkcs8', format: 'pem' });

/** The two steps of a worker, each of which relies on the other. */
const serve = (name: string, keyPem: string, chainPem: string): unknown => {
  checkToServe(name, { keyPem, chainPem });
  return createSecureContext({ key: keyPem, cert: chainPem });
};

t.test('the check before serving gives the same facts with less work', async (t) => {
  for (const one of [good, rsa]) {
    t.same(checkToServe('links.example.com', one), checkCertificate('links.example.com', one));
    t.ok(serve('links.example.com', one.keyPem, one.chainPem));
  }
});

t.test('a good certificate gives its facts', async (t) => {
  const facts = checkCertificate('links.example.com', { ...good, chainPem: good.chainPem + root });
  t.match(facts.serial, /^[0-9a-f]{32}$/);
  t.match(facts.fingerprint, /^[0-9a-f]{64}$/);
  t.equal(facts.notBeforeMs, clock.now() - 5 * 60_000);
  t.equal(facts.notAfterMs, clock.now() + 7 * 86_400_000);
});

t.test('a certificate that cannot be served for the name is refused, with the reason', async (t) => {
  const refused = (name: string, keyPem: string, chainPem: string, message: RegExp): void => {
    t.throws(() => checkCertificate(name, { keyPem, chainPem }), { code: 'ERR_CERT_INVALID', message });
    t.throws(() => serve(name, keyPem, chainPem), 'nor does it become a context');
  };
  refused('links.example.com', other.keyPem, good.chainPem, /does not match its private key/);
  refused('clicks.example.com', good.keyPem, good.chainPem, /is for other names: DNS:links.example.com/);
  refused('links.example.com', good.keyPem, root + good.chainPem, /does not match/);
  refused('links.example.com', good.keyPem, '', /has no certificate/);
  refused('links.example.com', 'nonsense', good.chainPem, /private key that cannot be read/);
  refused('links.example.com', good.keyPem, good.chainPem.replace(/MII.{20}/, 'MIIaaaa'), /cannot be read/);
  const broken = good.chainPem + root.replace(/MII.{20}/, 'MIIaaaa');
  refused('links.example.com', good.keyPem, broken, /cannot be read/);
  refused('links.example.com', keyPemOf('rsa', { modulusLength: 2048 }), good.chainPem, /does not match/);
  refused('links.example.com', keyPemOf('ec', { namedCurve: 'P-384' }), good.chainPem, /does not match/);
  refused('links.example.com', keyPemOf('ed25519', {}), good.chainPem, /does not match/);
  refused('links.example.com', keyPemOf('ec', { namedCurve: 'P-256' }), rsa.chainPem, /does not match/);
  refused('links.example.com', keyPemOf('rsa', { modulusLength: 2048 }), rsa.chainPem, /does not match/);
  refused('links.example.com', good.keyPem, 'x'.repeat(300_000), /too long/);
  refused('links.example.com', good.keyPem, good.chainPem.repeat(11), /too long/);
});

t.test('an error never shows the key', async (t) => {
  try {
    checkCertificate('links.example.com', { keyPem: other.keyPem, chainPem: good.chainPem });
    t.fail('accepted');
  } catch (error) {
    t.notMatch(JSON.stringify(error) + String(error), other.keyPem.split('\n')[1] ?? '?');
  }
});

t.test('a chain is split with or without line ends between its certificates', async (t) => {
  const glued = good.chainPem.trim() + root.trim();
  t.same(splitChain(glued), splitChain(`text\n${good.chainPem}\r\n\r\n${root}`));
  t.equal(splitChain(glued).length, 2);
});
