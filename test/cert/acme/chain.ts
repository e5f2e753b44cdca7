import { generateKeyPairSync } from 'node:crypto';
import t from 'tap';
import { alternateUrls, checkIssuance, leadsTo } from '../../../src/cert/acme/chain.ts';
import { createAuthority } from '../../helpers/acme-ca/authority.ts';

const authority = createAuthority();
const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const { pem } = authority.issue({
  spki: publicKey.export({ type: 'spki', format: 'der' }),
  names: ['links.example.com'],
  notBeforeMs: Date.now(),
  notAfterMs: Date.now() + 3_600_000,
});

t.test('alternates are read from Link fields, made absolute and bounded', async (t) => {
  const base = 'https://ca.example/cert/1';
  t.same(alternateUrls(undefined, base), []);
  t.same(alternateUrls('<https://ca.example/dir>;rel="index"', base), []);
  t.same(
    alternateUrls(
      '<https://ca.example/dir>;rel="index", </cert/1/2> ; rel="alternate", <3>;rel=alternate',
      base,
    ),
    ['https://ca.example/cert/1/2', 'https://ca.example/cert/3'],
  );
  t.equal(alternateUrls(Array.from({ length: 50 }, () => '<x>;rel="alternate"').join(', '), base).length, 4);
});

t.test('a chain leads to a name that one of its certificates was issued by', async (t) => {
  const chain = pem + authority.otherIntermediatePem;
  t.ok(leadsTo(chain, 'other root'));
  t.ok(leadsTo(chain, 'test intermediate'));
  t.notOk(leadsTo(chain, 'first root'));
  t.notOk(leadsTo(chain, 'other'));
  t.notOk(leadsTo('-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n', 'other root'));
});

t.test('each certificate is signed by the next', async (t) => {
  const { rootPem, otherRootPem, intermediatePem } = authority;
  for (const chain of [pem, pem + intermediatePem, pem + intermediatePem + rootPem]) {
    t.doesNotThrow(() => checkIssuance('links.example.com', chain));
  }
  for (const chain of [pem + rootPem, pem + intermediatePem + otherRootPem, intermediatePem + pem]) {
    t.throws(() => checkIssuance('links.example.com', chain), { code: 'ERR_CERT_INVALID' });
  }
  const namesake = createAuthority().intermediatePem;
  t.throws(() => checkIssuance('links.example.com', pem + namesake), { code: 'ERR_CERT_INVALID' });
});
