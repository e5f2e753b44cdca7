import fc from 'fast-check';
import t from 'tap';
import { checkCertificate } from '../../../src/cert/certificate/certificate.ts';
import { leafFacts } from '../../../src/cert/certificate/leaf-facts.ts';
import { createLocalIssuer } from '../../../src/cert/local-ca/local-ca.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { createPki } from '../../helpers/pki.ts';
import { holds } from '../../helpers/property.ts';

const name = 'links.example.com';
const pki = createPki();

t.test('it reads what OpenSSL reads, whatever the dates', async (t) => {
  const second = fc.integer({ min: Date.UTC(1970, 0, 1) / 1_000, max: Date.UTC(2120, 0, 1) / 1_000 });
  await holds(
    t,
    fc.property(second, fc.integer({ min: 1, max: 400 * 86_400 }), (from, seconds) => {
      const validity = { notBeforeMs: from * 1_000, notAfterMs: (from + seconds) * 1_000 };
      const leaf = pki.leaf([name], validity);
      const text = `linkgate: {}\n${leaf.keyPem}${leaf.chainPem}`;
      return JSON.stringify(leafFacts(text)) === JSON.stringify(checkCertificate(name, leaf));
    }),
    50,
  );
  const issuer = createLocalIssuer({
    storage: createMemoryStorage(),
    keyType: 'ecdsa-p384',
    clock: fakeClock(),
  });
  const leaf = await issuer.obtain(name, new AbortController().signal);
  t.same(leafFacts(leaf.chainPem), checkCertificate(name, leaf));
});

t.test('undefined for a text that it does not understand', async (t) => {
  const { chainPem } = pki.leaf([name]);
  t.equal(leafFacts(''), undefined);
  t.equal(leafFacts('-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----'), undefined);
  t.equal(leafFacts(chainPem.slice(0, 200)), undefined);
  const body = Buffer.from(/-----BEGIN CERTIFICATE-----([^-]*)/.exec(chainPem)?.[1] ?? '', 'base64');
  await holds(
    t,
    fc.property(fc.nat(body.length - 1), fc.nat(255), fc.nat(body.length), (at, value, length) => {
      const torn = Buffer.from(body.subarray(0, length));
      if (at < torn.length) torn[at] = value;
      const pem = `-----BEGIN CERTIFICATE-----\n${torn.toString('base64')}\n-----END CERTIFICATE-----\n`;
      const facts = leafFacts(pem);
      return facts === undefined || facts.notBeforeMs < facts.notAfterMs;
    }),
  );
});
