import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import t from 'tap';
import { createZoneLookup } from '../../src/dns/zone-lookup.ts';
import { nameServer } from '../helpers/name-server.ts';
import { needs } from '../helpers/needs.ts';

const forever = new AbortController().signal;

t.test('what BIND knows', { skip: needs('named') }, async (t) => {
  const server = await nameServer(t, [
    'a CNAME b',
    'b CNAME end.challenges.example.net.',
    'loop CNAME loop2',
    'loop2 CNAME loop',
    'txt TXT "one" "two"',
    'txt TXT "three"',
    'apex CNAME challenges.example.net.',
  ]);
  const { host, port } = server;
  const lookup = createZoneLookup({ resolvers: [{ host, port }], serverPort: port });
  t.equal(await lookup.followAlias('a.example.com', forever), 'end.challenges.example.net');
  t.equal(await lookup.followAlias('none.example.com', forever), 'none.example.com');
  await t.rejects(lookup.followAlias('loop.example.com', forever), { message: /aliases lead in a circle/ });
  t.equal(await lookup.findZone('x.y.challenges.example.net', forever), 'challenges.example.net');
  t.equal(await lookup.findZone('txt.example.com', forever), 'example.com');
  t.equal(
    await lookup.findZone('_acme-challenge.apex.example.com', forever),
    'example.com',
    'an alias of an apex is no zone',
  );
  await t.rejects(lookup.findZone('example.org', forever), { code: 'ERR_DNS_UNAVAILABLE' });
  t.same(await lookup.findServers('example.com', forever), [`127.0.0.1:${port}`]);
  const at = `127.0.0.1:${port}`;
  const has = (name: string, value: string) => lookup.hasTxt(at, { name, value }, forever);
  t.ok(await has('txt.example.com', 'onetwo'), 'strings of one record belong together');
  t.ok(await has('txt.example.com', 'three'));
  t.notOk(await has('txt.example.com', 'one'));
  t.notOk(await has('none.example.com', 'one'));
});

t.test('a server that says nothing is no absence, and is not waited for when told', async (t) => {
  const silent = createSocket('udp4');
  silent.bind(0, '127.0.0.1');
  await once(silent, 'listening');
  t.teardown(() => silent.close());
  const { port } = silent.address();
  const lookup = createZoneLookup({ resolvers: [{ host: '127.0.0.1', port }] });
  const stop = new AbortController();
  const asked = once(silent, 'message');
  const waiting = lookup.followAlias('a.example.com', stop.signal);
  waiting.catch(() => {});
  await asked;
  stop.abort(new Error('stopping'));
  await t.rejects(waiting, { message: 'stopping' });
  await t.rejects(lookup.findZone('a.example.com', stop.signal), { message: 'stopping' });

  const again = once(silent, 'message');
  const look = new AbortController();
  const seeing = lookup.hasTxt(`127.0.0.1:${port}`, { name: 'a.example.com', value: 'x' }, look.signal);
  seeing.catch(() => {});
  await again;
  look.abort(new Error('enough'));
  await t.rejects(seeing, { message: 'enough' });
});
