import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { createDnsResolver } from '../../src/dns/resolver.ts';
import { failingNameServer } from '../helpers/examine.ts';
import { nameServer } from '../helpers/name-server.ts';
import { needs } from '../helpers/needs.ts';

/** A name server that takes questions and answers none. */
const silentServer = async (t: Test) => {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.teardown(() => socket.close());
  return { servers: [`127.0.0.1:${socket.address().port}`], socket };
};

t.test('each kind of record that BIND serves', { skip: needs('named') }, async (t) => {
  const { host, port } = await nameServer(t, [
    'a 30 IN A 192.0.2.1',
    'a 7 IN AAAA 2001:db8::1',
    'a IN CAA 128 issue "ca.example; x=y"',
    'a IN TXT "one" "two"',
    'alias IN CNAME A',
  ]);
  const resolver = createDnsResolver({ servers: [`${host}:${port}`] });
  const records = async (type: Parameters<typeof resolver.ask>[0], name = 'a.example.com') =>
    (await resolver.ask(type, name)).records;
  t.strictSame(await records('A'), [{ address: '192.0.2.1', ttl: 30 }]);
  t.strictSame(await records('AAAA'), [{ address: '2001:db8::1', ttl: 7 }]);
  t.match(await records('CAA'), [{ critical: 128, issue: 'ca.example; x=y' }]);
  t.strictSame(await records('TXT'), ['onetwo'], 'strings of one record belong together');
  t.strictSame(
    await records('CNAME', 'alias.example.com'),
    ['a.example.com'],
    'in lower case, without a dot',
  );
  t.strictSame(await records('NS', 'example.com'), ['ns1.example.com']);
  t.strictSame(await records('SOA', 'example.com'), ['ns1.example.com']);
  t.match(await resolver.ask('A', 'none.example.com'), { state: 'absent', error: { code: 'ENOTFOUND' } });
  t.match(await resolver.ask('TXT', 'alias.example.com'), { state: 'found' }, 'aliases are followed');
  t.match(await resolver.ask('SOA', 'a.example.com'), { state: 'absent', error: { code: 'ENODATA' } });
  t.match(await resolver.ask('A', 'a.example.org'), { state: 'failed', error: { code: 'EREFUSED' } });
});

t.test('a server that fails, and one that says nothing', async (t) => {
  const failing = createDnsResolver({ servers: [await failingNameServer(t)] });
  t.match(await failing.ask('A', 'a.example.com'), {
    state: 'failed',
    records: [],
    error: { code: 'ESERVFAIL' },
  });
  const { servers } = await silentServer(t);
  const ends = { state: 'failed', records: [], error: { code: 'ETIMEOUT' } };
  t.match(await createDnsResolver({ servers, tryMs: 50 }).ask('A', 'a.example.com'), ends, 'by its tries');
  t.match(await createDnsResolver({ servers, limitMs: 50 }).ask('A', 'a.example.com'), ends, 'by its limit');
});

t.test('a question ends with its signal, and no other does', async (t) => {
  const { servers, socket } = await silentServer(t);
  const resolver = createDnsResolver({ servers });
  const stop = new AbortController();
  const asked = once(socket, 'message');
  const stopped = resolver.ask('CNAME', 'a.example.com', stop.signal);
  const other = createDnsResolver({ servers, limitMs: 500 }).ask('CNAME', 'b.example.com');
  stopped.catch(() => {});
  await asked;
  stop.abort(new Error('stopping'));
  await t.rejects(stopped, { message: 'stopping' });
  await t.rejects(resolver.ask('A', 'a.example.com', stop.signal), { message: 'stopping' });
  t.match(await other, { state: 'failed', error: { code: 'ETIMEOUT' } });
});

t.test('no other file of src/ asks name servers', async (t) => {
  const src = fileURLToPath(new URL('../../src', import.meta.url));
  const askers = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
    (path) =>
      path.endsWith('.ts') &&
      /\bResolver\b[^;]*'node:dns|\bresolve(4|6|Any|Cname|Caa|Ns|Soa|Txt)\(/.test(
        readFileSync(join(src, path), 'utf8'),
      ),
  );
  t.strictSame(askers, [join('dns', 'resolver.ts')]);
});
