import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { isDomainName, normalizeName, unknownDomain } from '../../src/core/domain-name.ts';
import { holds } from '../helpers/property.ts';

t.test('case and one trailing dot do not matter', async (t) => {
  for (const text of ['links.acme.com', 'LINKS.Acme.COM', 'links.acme.com.', 'Links.ACME.com.'])
    t.equal(normalizeName(text), 'links.acme.com', text);
  t.equal(normalizeName('links.acme.com..'), 'links.acme.com.', 'a second dot stays, and is refused');
});

t.test('only ASCII letters are lowered', async (t) => {
  t.equal(normalizeName('\u212Ainks.acme.com'), '\u212Ainks.acme.com', 'the Kelvin sign is no k');
  t.notOk(isDomainName(normalizeName('lin\u212As.acme.com')));
});

t.test('names that can have a certificate', async (t) => {
  const label63 = 'a'.repeat(63);
  for (const name of [
    'links.acme.com',
    'a.b',
    'xn--mnchen-3ya.de',
    'e-eu.customeriomail.com',
    '1.2.3.example',
    'example.xn--p1ai',
    `${label63}.com`,
    `${label63}.${label63}.${label63}.${'a'.repeat(57)}.com`,
  ])
    t.ok(isDomainName(name), name);
});

t.test('names that cannot', async (t) => {
  for (const name of [
    '',
    '.',
    'localhost',
    'links.acme.com.',
    '.acme.com',
    'links..com',
    '-links.acme.com',
    'links-.acme.com',
    'li_nks.acme.com',
    '*.acme.com',
    'links.acme.com:443',
    'links.acme.com/',
    'links acme.com',
    'links.acme.com\n',
    'user@acme.com',
    'münchen.de',
    'Links.acme.com',
    '192.0.2.1',
    'links.123',
    '[2001:db8::1]',
    '2001:db8::1',
    `${'a'.repeat(64)}.com`,
    `${'a.'.repeat(126)}com`,
  ])
    t.notOk(isDomainName(name), JSON.stringify(name));
});

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/);
const domain = fc
  .tuple(fc.array(label, { minLength: 1, maxLength: 6 }), fc.stringMatching(/^[a-z]{2,10}$/))
  .map(([labels, top]) => [...labels, top].join('.'));

t.test('every name of good labels is good, in any spelling', async (t) => {
  await holds(
    t,
    fc.property(domain, fc.boolean(), fc.infiniteStream(fc.boolean()), (name, dot, uppers) => {
      const spelled = [...name].map((char) => (uppers.next().value === true ? char.toUpperCase() : char));
      const text = spelled.join('') + (dot ? '.' : '');
      assert.equal(normalizeName(text), name);
      assert.ok(isDomainName(name));
    }),
  );
});

t.test('a good name with one foreign character anywhere is bad', async (t) => {
  const foreign = fc
    .string({ unit: 'binary', minLength: 1, maxLength: 1 })
    .filter((char) => !/[A-Za-z0-9.-]/.test(char));
  await holds(
    t,
    fc.property(domain, foreign, fc.nat(), (name, char, seed) => {
      const at = seed % (name.length + 1);
      assert.ok(!isDomainName(normalizeName(name.slice(0, at) + char + name.slice(at))));
    }),
  );
});

t.test('normalizing twice changes nothing for a name that is good', async (t) => {
  await holds(
    t,
    fc.property(fc.oneof(domain, fc.string(), fc.domain()), (text) => {
      const once = normalizeName(text);
      if (isDomainName(once)) assert.equal(normalizeName(once), once);
    }),
  );
});

const configured = ['links.acme.com', 'clicks.acme.eu'];

t.test('a misspelt name: the error names the configured one', async (t) => {
  t.match(unknownDomain('lniks.acme.com', configured), {
    code: 'ERR_CERT_UNKNOWN_NAME',
    message: 'domain "lniks.acme.com" is not configured: did you mean "links.acme.com"?',
    details: { domain: 'lniks.acme.com' },
  });
});

t.test('a name that is like no other: no guess', async (t) => {
  t.equal(unknownDomain('x.example', configured).message, 'domain "x.example" is not configured');
});
