import t from 'tap';
import { createAccess, type Access, type AskedBy } from '../../src/admin/access.ts';
import { fakeClock } from '../helpers/fake-clock.ts';

const TOKEN = 'dG9rZW4tb2YtdGhlLXRlc3Q=';

const asked = (change: Partial<AskedBy> = {}): AskedBy => ({
  path: '/metrics',
  host: 'localhost',
  origin: undefined,
  authorization: undefined,
  address: '127.0.0.1',
  ...change,
});

const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;
const status = (access: Access, change: Partial<AskedBy>): number =>
  access.refuse(asked(change))?.status ?? 200;

t.test('only under an address, localhost or a name that was given (DNS rebinding)', async (t) => {
  const access = createAccess(fakeClock());
  access.setRules({ hosts: ['proxy.internal'] });
  for (const host of [
    'localhost',
    'LOCALHOST:9464',
    '127.0.0.1',
    '10.0.0.1:9464',
    '[::1]:9464',
    '[2001:DB8::2]',
    'proxy.internal',
    'Proxy.Internal:443',
  ]) {
    t.equal(status(access, { host }), 200, host);
    t.equal(status(access, { host, path: '/healthz' }), 200, host);
  }
  for (const host of [
    undefined,
    '',
    'evil.example',
    'localhost.evil.example',
    'localhost.',
    '127.0.0.1.evil.example',
    '127.evil',
    '2130706433',
    'localhost:x',
    'localhost@evil.example',
    'sub.proxy.internal',
    '::1',
    '[evil]',
    '[::1',
  ]) {
    t.equal(status(access, { host }), 421, String(host));
    t.equal(status(access, { host, path: '/healthz' }), 421, String(host));
  }
});

t.test('no page but its own', async (t) => {
  const access = createAccess(fakeClock());
  access.setRules({ hosts: ['proxy.internal'] });
  const from = (origin: string, host = '127.0.0.1:9464'): number => status(access, { origin, host });
  t.equal(from('http://127.0.0.1:9464'), 200);
  t.equal(from('https://Proxy.internal', 'proxy.internal'), 200, 'behind a proxy that speaks TLS');
  for (const origin of [
    'http://evil.example',
    'http://127.0.0.1:8080',
    'http://127.0.0.1',
    'null',
    '',
    '127.0.0.1:9464',
    'file://127.0.0.1:9464',
    'http://127.0.0.1:9464.evil.example',
  ]) {
    t.equal(from(origin), 403, origin);
  }
});

t.test('with a token: everything but health checks needs it', async (t) => {
  const access = createAccess(fakeClock());
  t.equal(status(access, {}), 200, 'none is set');
  access.setRules({ token: TOKEN });
  for (const path of ['/', '/metrics', '/api/status', '/events', '/page.css', '/no-such-path']) {
    t.match(access.refuse(asked({ path })), {
      status: 401,
      fields: { 'WWW-Authenticate': [/^Bearer/, /^Basic/] },
    });
    t.equal(status(access, { path, authorization: `Bearer ${TOKEN}` }), 200, path);
  }
  for (const path of ['/healthz', '/readyz']) t.equal(status(access, { path }), 200, path);
  t.equal(status(access, { authorization: `bEaReR  ${TOKEN}` }), 200, 'the scheme in any case');
  t.equal(status(access, { authorization: basic(`anybody:${TOKEN}`) }), 200, 'what a browser sends');
  t.equal(status(access, { authorization: basic(`:${TOKEN}`) }), 200);
  access.setRules({ token: TOKEN, metricsOpen: true });
  t.equal(status(access, {}), 200, 'metrics alone');
  t.equal(status(access, { path: '/api/status' }), 401);
  t.equal(status(access, { path: '/metrics/' }), 401);
  access.setRules({ token: `${TOKEN}x`.replaceAll('=', '') });
  t.equal(status(access, { authorization: `Bearer ${TOKEN}` }), 401, 'the old one is over');
});

t.test('what is not the token', async (t) => {
  for (const authorization of [
    '',
    'Bearer',
    'Bearer ',
    `Bearer ${TOKEN.slice(0, -1)}`,
    `Bearer ${TOKEN}=`,
    `Bearer ${TOKEN} x`,
    `Bearer ${TOKEN.toLowerCase()}`,
    `Digest ${TOKEN}`,
    TOKEN,
    basic(''),
    basic(`${TOKEN}:`),
    basic(`a:b:${TOKEN}`),
    'Basic %%%',
  ]) {
    const access = createAccess(fakeClock());
    access.setRules({ token: TOKEN });
    t.equal(status(access, { authorization }), 401, authorization);
  }
});

t.test('guessing is slow, and one who guesses stops nobody else', async (t) => {
  const clock = fakeClock();
  const access = createAccess(clock);
  access.setRules({ token: TOKEN });
  const guess = (address: string, token = 'wrong'): number =>
    status(access, { address, authorization: `Bearer ${token}` });
  for (let tries = 0; tries < 10; tries += 1) t.equal(guess('2001:db8:1:2::1'), 401);
  t.equal(guess('2001:db8:1:2::1'), 429);
  t.equal(guess('2001:db8:1:2::ffff', TOKEN), 429, 'its whole network, and the right one too');
  t.equal(status(access, { address: '2001:db8:1:2::1' }), 401, 'asking without one is not guessing');
  t.equal(status(access, { address: '2001:db8:1:2::1', path: '/healthz' }), 200);
  t.equal(guess('2001:db8:1:3::1', TOKEN), 200);
  t.equal(guess('::ffff:192.0.2.1', TOKEN), 200);
  await clock.advance(6_000);
  t.equal(guess('2001:db8:1:2::1', TOKEN), 200, 'later');
});

t.test('asking too often, health checks aside', async (t) => {
  const clock = fakeClock();
  const access = createAccess(clock);
  let answered = 0;
  while (status(access, {}) === 200) answered += 1;
  t.equal(answered, 400);
  t.match(access.refuse(asked()), { status: 429, fields: { 'Retry-After': '6' } });
  t.equal(status(access, { path: '/readyz' }), 200);
  await clock.advance(10);
  t.strictSame([status(access, {}), status(access, {})], [200, 429]);
});
