import t from 'tap';
import { scrubFields, scrubText } from '../../../src/observe/logs/scrub.ts';

t.test('words of CAs and of the system stay as they are', (t) => {
  for (const text of [
    'connect ECONNREFUSED 192.0.2.1:443',
    'upstream "us" sent no answer in 15000 ms',
    'NXDOMAIN looking up A for links.example.com - check that a DNS record exists for this domain',
    'urn:ietf:params:acme:error:unauthorized',
    'storage "/var/lib/linkgate/certs" is not writable (EROFS)',
    'key "/etc/linkgate/tsig.key" does not fit the certificate',
    'https://acme-v02.api.letsencrypt.org/acme/order/123456789/987654321',
    '04d2a1b2c3d4e5f60718293a4b5c6d7e8f90',
    'a name of links.a-rather-long-domain-name-of-somebody.example.com',
    'Why? Nobody knows.',
    '    at file:///usr/lib/node_modules/linkgate/dist/cert/acme/session.js:12:34',
  ])
    t.equal(scrubText(text), text);
  t.end();
});

t.test('what looks like a secret goes, what stands around it stays', (t) => {
  const random = 'q83vEjRWeJq83vEjRWeJq83vEjRWeJq83vEjRWeJq80';
  for (const [text, clean] of [
    [`token ${random} was not found`, 'token [hidden] was not found'],
    [`GET /e/c/${random}/x HTTP/1.1`, 'GET /e/c/[hidden] HTTP/1.1'],
    [
      `Get "http://links.example.com/.well-known/acme-challenge/${random}": refused`,
      'Get "http://links.example.com/.well-known/acme-challenge/[hidden]": refused',
    ],
    ['GET /unsubscribe/dgTJ?code=1 failed', 'GET /unsubscribe/[hidden] failed'],
    ['https://h.example/a?b=c&d', 'https://h.example/a?[hidden]'],
    ['https://user:pw@h.example/', 'https://[hidden]@h.example/'],
    ['Cookie: a=b; c=d', 'Cookie: [hidden]'],
    ['{"authorization":"Basic dTpw"}', '{"authorization":[hidden]'],
    ['Bearer abcdef12', 'Bearer [hidden]'],
    ["wrong passphrase: 'open sesame', try again", 'wrong passphrase: [hidden], try again'],
    ['export PFX_PASSWORD=hunter2;', 'export PFX_PASSWORD=[hidden];'],
    ['x -----BEGIN EC PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY----- y', 'x [PEM] y'],
    ['cut -----BEGIN PRIVATE KEY-----\nMHc', 'cut [PEM]'],
  ] as const)
    t.equal(scrubText(text), clean);
  t.equal(scrubText('x'.repeat(10_000)).length, 4_001);
  t.end();
});

t.test('time does not grow with the square of a hostile text', (t) => {
  for (const part of ['a', 'token', '-----BEGIN A', '/e/c/', '://', '?', 'Aa1', 'cookie ', '"'])
    t.ok(scrubText(part.repeat(100_000)).length < 5_000);
  t.end();
});

t.test('fields at every depth, by name and by what they hold', (t) => {
  const cyclic: Record<string, unknown> = { name: 'x' };
  cyclic['self'] = cyclic;
  const clean = scrubFields({
    id: 'a',
    count: 1,
    none: null,
    password: 'x',
    inner: { Authorization: 'x', list: ['Cookie: a=b', { keyPem: 'x' }] },
    bytes: Buffer.from('secret'),
    cyclic,
  });
  t.match(clean, {
    id: 'a',
    count: 1,
    none: null,
    password: '[hidden]',
    inner: { Authorization: '[hidden]', list: ['Cookie: [hidden]', { keyPem: '[hidden]' }] },
    bytes: '[hidden]',
  });
  t.end();
});
