import t from 'tap';
import {
  domainExtras,
  limits,
  log,
  publicListener,
  trustedProxies,
} from '../../../src/config/schema/request-schema.ts';

const message = (
  schema: { safeParse(value: unknown): { error?: { issues: readonly { message: string }[] } | undefined } },
  value: unknown,
): string | undefined => schema.safeParse(value).error?.issues[0]?.message;

t.test('a public listener is an address, or a mapping behind a load balancer', async (t) => {
  for (const good of [':443', { address: ':443', proxyProtocol: ['10.0.0.1', '10.0.0.0/8', '::/0'] }]) {
    t.equal(message(publicListener(), good), undefined, JSON.stringify(good));
  }
  for (const [bad, said] of [
    ['everywhere', /^must be ADDRESS:PORT/],
    ['127.0.0.1:80443', /^has a port over 65535: "127.0.0.1:80443"$/],
    [{ address: ':80443', proxyProtocol: ['::1'] }, /^has a port over 65535: ":80443"$/],
    [7, /^must be ADDRESS:PORT.*, or a mapping with address and proxyProtocol, not 7/],
    [{ address: ':443' }, /^proxyProtocol is missing/],
    [{ address: ':443', proxyProtocol: [] }, /^names no address/],
    [{ address: ':443', proxyProtocol: ['10.0.0.0/33'] }, /^must be an IP address or a CIDR/],
    [{ address: ':443', proxyProtocl: ['::1'] }, /did you mean proxyProtocol\?/],
  ] as const) {
    t.match(message(publicListener(), bad), said, JSON.stringify(bad));
  }
});

t.test('ranges', async (t) => {
  for (const good of ['127.0.0.1', '10.0.0.0/8', '0.0.0.0/0', '::1', '2001:db8::/32', '::/128']) {
    t.equal(message(trustedProxies(), [good]), undefined, good);
  }
  for (const bad of [
    '',
    'localhost',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/',
    '::/129',
    '1.2.3.4/8/8',
    '10.0.0.0/ 8',
  ]) {
    t.match(message(trustedProxies(), [bad]), /^must be an IP address or a CIDR/, bad);
  }
});

t.test('limits and log lines have bounds', async (t) => {
  t.strictSame(limits().parse({}), {});
  t.equal(message(limits(), { headerFields: 0 }), 'must be a whole number from 1 to 1000, not 0');
  t.match(message(limits(), { bodySize: '1GiB' }), /64MiB/);
  t.strictSame(log().parse({}), { clicks: 'none', sampleEvery: 100 });
  t.equal(message(log(), { clicks: 'some' }), 'must be none, sampled or all, not "some"');
  t.equal(message(log(), { format: 'xml' }), 'must be json or pretty, not "xml"');
  t.equal(message(log(), { file: '' }), 'must be a path, not ""');
});

t.test('hsts is a time from a minute to two years', async (t) => {
  for (const good of ['1m', '180d', '730d']) t.equal(message(domainExtras.hsts, good), undefined, good);
  for (const bad of ['59s', '731d', '1', 'true'])
    t.match(message(domainExtras.hsts, bad), /^must be a duration/, bad);
});
