import t from 'tap';
import { trustedRanges } from '../../../src/serve/connections/ip-addresses.ts';
import { clientOf, identityFields } from '../../../src/serve/request/identity.ts';
import { ask, serve } from '../../helpers/serve.ts';
import { tracker } from '../../helpers/tracker.ts';

const trusted = trustedRanges(['10.0.0.0/8', '2001:db8:ffff::/48', '192.0.2.7']);
const claim = (forwardedFor?: string, forwardedProto?: string) => ({ forwardedFor, forwardedProto });

t.test('a peer that is not trusted is not believed', (t) => {
  t.same(clientOf('203.0.113.9', 'https', claim('6.6.6.6', 'http'), trusted), {
    address: '203.0.113.9',
    chain: '203.0.113.9',
    proto: 'https',
  });
  t.end();
});

t.test('a trusted peer is believed one hop, a chain of trusted ones further', (t) => {
  t.same(clientOf('10.1.1.1', 'http', claim('203.0.113.9', 'https'), trusted), {
    address: '203.0.113.9',
    chain: '203.0.113.9, 10.1.1.1',
    proto: 'https',
  });
  t.same(
    clientOf('10.1.1.1', 'https', claim('6.6.6.6, 203.0.113.9, 192.0.2.7'), trusted).chain,
    '203.0.113.9, 192.0.2.7, 10.1.1.1',
    'what the client itself wrote is left out',
  );
  t.equal(clientOf('2001:db8:ffff::1', 'https', claim('2001:db8::5'), trusted).address, '2001:db8::5');
  t.end();
});

t.test('junk ends the walk', (t) => {
  for (const junk of [
    '',
    'unknown',
    '203.0.113.9:',
    '203.0.113.9:1:2',
    '203.0.113.9 10.0.0.2',
    '<script>',
    ',,',
    '[203.0.113',
    '[2001:db8::5]:x',
    '[x]',
    '[]',
    '2001:db8::5]:1',
  ])
    t.equal(clientOf('10.1.1.1', 'https', claim(junk), trusted).chain, '10.1.1.1', junk);
  t.equal(clientOf('10.1.1.1', 'https', claim(undefined, 'gopher'), trusted).proto, 'https');
  t.equal(clientOf('10.1.1.1', 'https', claim('::ffff:203.0.113.9'), trusted).address, '203.0.113.9');
  t.end();
});

t.test('an address with a port or in brackets is the address', (t) => {
  for (const [entry, address] of [
    ['203.0.113.9:4711', '203.0.113.9'],
    ['[2001:db8::5]', '2001:db8::5'],
    ['[2001:db8::5]:4711', '2001:db8::5'],
    ['[::ffff:203.0.113.9]:1', '203.0.113.9'],
  ] as const) {
    const { address: got, chain } = clientOf(
      '10.1.1.1',
      'https',
      claim(`6.6.6.6, ${entry}, 192.0.2.7:80`),
      trusted,
    );
    t.equal(got, address, entry);
    t.equal(chain, `${address}, 192.0.2.7, 10.1.1.1`, entry);
  }
  t.end();
});

t.test('no field in which a client tells its address goes on, from any peer', async (t) => {
  const seen = await tracker(t);
  const names = [
    'CF-Connecting-IP',
    'True-Client-IP',
    'X-Client-IP',
    'Client-IP',
    'Fastly-Client-IP',
    'X-Cluster-Client-IP',
    'X_Client_IP',
  ];
  const lines = [...names, 'X-Real-IP', 'X-Forwarded-For']
    .map((name) => `${name}: 203.0.113.9:80\r\n`)
    .join('');
  for (const trustedProxies of [[], ['127.0.0.1']]) {
    const worker = await serve(t, { tracker: seen, trustedProxies });
    const get = `GET / HTTP/1.1\r\nHost: links.example.com\r\n${lines}Forwarded: for=6.6.6.6\r\nConnection: close\r\n\r\n`;
    t.match(await worker.raw(get), /^HTTP\/1\.1 302 /);
    const field = seen.requests.at(-1)?.field;
    for (const name of names) t.same(field?.(name), [], name);
    const client = trustedProxies.length === 0 ? '127.0.0.1' : '203.0.113.9';
    t.same(field?.('x-real-ip'), [client]);
    t.same(field?.('forwarded'), [`for=${client};host=links.example.com;proto=https`]);
  }
});

t.test('fields as the upstream gets them', (t) => {
  t.same(identityFields({ address: '2001:db8::5', chain: '2001:db8::5', proto: 'https' }, 'l.example.com'), [
    'X-Forwarded-For',
    '2001:db8::5',
    'X-Forwarded-Proto',
    'https',
    'X-Forwarded-Host',
    'l.example.com',
    'X-Real-IP',
    '2001:db8::5',
    'Forwarded',
    'for="[2001:db8::5]";host=l.example.com;proto=https',
  ]);
  t.match(identityFields({ address: '192.0.2.1', chain: 'x', proto: 'http' }, 'l'), [
    'X-Forwarded-For',
    'x',
    'X-Forwarded-Proto',
    'http',
    'X-Forwarded-Host',
    'l',
    'X-Real-IP',
    '192.0.2.1',
    'Forwarded',
    'for=192.0.2.1;host=l;proto=http',
  ]);
  t.end();
});

t.test('an IPv6 peer: bare in X-Forwarded-For, bracketed and quoted in Forwarded', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen, host: '::1' });
  const get = 'GET / HTTP/1.1\r\nHost: links.example.com\r\nConnection: close\r\n\r\n';
  t.match(await worker.raw(get), /^HTTP\/1\.1 302 /);
  t.match(await worker.raw(get, { plain: true }), /^HTTP\/1\.1 302 /);
  t.match(await ask(await worker.h2(), {}), { status: 302 });
  t.equal(seen.requests.length, 3);
  for (const [i, proto] of ['https', 'http', 'https'].entries()) {
    const field = seen.requests[i]?.field;
    t.same(field?.('x-forwarded-for'), ['::1']);
    t.same(field?.('x-real-ip'), ['::1']);
    t.same(field?.('forwarded'), [`for="[::1]";host=links.example.com;proto=${proto}`]);
  }
  t.equal((await worker.next('request.completed')).network, '0:0:0::/48');
});

t.test('an IPv4 peer of a dual-stack listener is forwarded as IPv4', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen, host: '::ffff:127.0.0.1' });
  await worker.raw('GET / HTTP/1.1\r\nHost: links.example.com\r\nConnection: close\r\n\r\n');
  t.same(seen.requests[0]?.field('x-forwarded-for'), ['127.0.0.1']);
});
