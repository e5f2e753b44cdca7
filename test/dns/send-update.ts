// test/cert/challenges/rfc2136.ts has what servers refuse and how they break off.

import { readFileSync } from 'node:fs';
import t from 'tap';
import { sendUpdate } from '../../src/dns/send-update.ts';
import { freePort } from '../helpers/free-port.ts';
import { nameServer } from '../helpers/name-server.ts';
import { needs } from '../helpers/needs.ts';

const { signal } = new AbortController();
const update = { zone: 'example.com', name: 'new.example.com', value: 'a value', ttl: 60 };

t.test('BIND takes an update, and takes it back', { skip: needs('named') }, async (t) => {
  const server = await nameServer(t);
  const key = { name: server.keyName, secret: Buffer.from(readFileSync(server.keyFile, 'utf8'), 'base64') };
  const options = { server, key, nowMs: Date.now(), signal };
  await sendUpdate(update, options);
  t.same(await server.txt('new.example.com'), ['a value']);
  await sendUpdate({ ...update, ttl: undefined }, options);
  t.same(await server.txt('new.example.com'), []);
  await t.rejects(sendUpdate({ ...update, zone: 'example.org' }, options), {
    code: 'ERR_DNS_UNAVAILABLE',
    message: /refused: .* \(update of "new\.example\.com"\)/,
  });
});

t.test('a server that is away; a signal that has aborted', async (t) => {
  const server = { host: '127.0.0.1', port: await freePort() };
  const options = { server, key: { name: 'k', secret: Buffer.from('x') }, nowMs: 0, signal };
  await t.rejects(sendUpdate(update, options), {
    code: 'ERR_DNS_UNAVAILABLE',
    message: /could not be asked: .*ECONNREFUSED/,
  });
  const stop = AbortSignal.abort(new Error('stopping'));
  await t.rejects(sendUpdate(update, { ...options, signal: stop }), { message: 'stopping' });
});
