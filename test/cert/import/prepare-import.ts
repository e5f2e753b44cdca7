import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import t from 'tap';
import { splitChain } from '../../../src/cert/certificate/certificate.ts';
import { prepareImport } from '../../../src/cert/import/prepare-import.ts';
import { createLocalIssuer } from '../../../src/cert/local-ca/local-ca.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { createPki } from '../../helpers/pki.ts';

const name = 'links.example.com';
const nowMs = Date.now();
const DAY = 86_400_000;
const pki = createPki();
const { keyPem, chainPem: forgePem } = pki.leaf([name]);
const chainPem = forgePem.replaceAll('\r', '');
const [leafPem = '', rootPem = ''] = splitChain(chainPem);
const given = { name, keyPem, chainPem, nowMs, roots: [] };
const refused = (message: RegExp) =>
  ({ code: 'ERR_CERT_INVALID', message, details: { domain: name } }) as const;

t.test('key and chain in any order become the form that is served', async (t) => {
  const expected = { keyPem, chainPem: leafPem };
  t.match(prepareImport(given), expected, 'a root at the end is not sent');
  t.match(prepareImport({ ...given, chainPem: rootPem + leafPem }), expected);
  t.match(
    prepareImport({ ...given, chainPem: leafPem, roots: [pki.rootPem] }),
    expected,
    'a root clients have',
  );
  const text = `Bag Attributes\r\n${chainPem.replaceAll('\n', '\r\n')}`;
  t.match(prepareImport({ ...given, chainPem: text }), expected);
});

t.test('every format of key that OpenSSL writes is read', async (t) => {
  const key = createPrivateKey(keyPem);
  const pkcs1 = key.export({ type: 'pkcs1', format: 'pem' }).toString();
  t.match(prepareImport({ ...given, keyPem: pkcs1 }), { keyPem });
  const passphrase = 'secret';
  const encrypted = key
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase })
    .toString();
  t.match(prepareImport({ ...given, keyPem: encrypted, password: passphrase }), { keyPem });
  t.throws(
    () => prepareImport({ ...given, keyPem: encrypted }),
    refused(/encrypted private key.*--password-file/),
  );
  t.throws(
    () => prepareImport({ ...given, keyPem: encrypted, password: 'x' }),
    refused(/that this password does not open/),
  );
  const clock = fakeClock(nowMs);
  const ca = createLocalIssuer({ storage: createMemoryStorage(), keyType: 'ecdsa-p384', clock });
  const { signal } = new AbortController();
  const ec = await ca.obtain(name, signal);
  const sec1 = createPrivateKey(ec.keyPem).export({ type: 'sec1', format: 'pem' }).toString();
  const whole = ec.chainPem + (await ca.rootPem(signal));
  t.match(prepareImport({ ...given, keyPem: sec1, chainPem: whole }), ec);
});

t.test('each refusal says what is wrong', async (t) => {
  const at = (from: number, to: number) =>
    pki.leaf([name], { notBeforeMs: nowMs + from, notAfterMs: nowMs + to });
  const otherKeyPem = generateKeyPairSync('ed25519')
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();
  const intermediate = createPki().rootPem;
  const cases: readonly [Partial<typeof given>, RegExp][] = [
    [{ chainPem: at(-2 * DAY, -DAY).chainPem }, /expired at 20\d\d-.*Z$/],
    [{ chainPem: at(DAY, 2 * DAY).chainPem }, /is not valid before 20/],
    [
      { keyPem: otherKeyPem },
      /does not match its private key: the key is not that of "links\.example\.com"$/,
    ],
    [{ name: 'other.example.com' }, /is for other names: DNS:links\.example\.com/],
    [
      { chainPem: leafPem },
      /lacks an intermediate: its issuer, "linkgate test root", is neither in the file/,
    ],
    [{ chainPem: leafPem + intermediate }, /lacks an intermediate/],
    [{ chainPem: '' }, /has no certificate in its file/],
    [{ keyPem: chainPem }, /has no private key in its file/],
    [{ keyPem: keyPem.replaceAll(/[A-Za-z0-9+/]{64}\n/g, '') }, /private key that cannot be read/],
    [
      { chainPem: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' },
      /chain that cannot be read/,
    ],
  ];
  for (const [change, message] of cases) {
    const input = { ...given, ...change };
    t.throws(
      () => prepareImport(input),
      { ...refused(message), details: { domain: input.name } },
      String(message),
    );
  }
});
