// What the tracker gets, field by field, and what slow senders cannot take from others.

import type { TLSSocket } from 'node:tls';
import t from 'tap';
import { ask, gather, serve } from '../../helpers/serve.ts';
import { tracker } from '../../helpers/tracker.ts';
import { until } from '../../helpers/until.ts';

const HOST = 'Host: links.example.com\r\nConnection: close\r\n';

t.test('methods, targets and contents arrive unchanged, once', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen });
  const target = '/e/c/eyJ%3D=//a/../b/./?x=%2F&&y=+%20;z#f';
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'DELETE', 'TRACE', 'PROPFIND'])
    t.match(await worker.raw(`${method} ${target} HTTP/1.1\r\n${HOST}\r\n`), /^HTTP\/1\.1 302 /, method);
  for (const method of ['POST', 'PUT', 'PATCH']) {
    const sized = `${method} ${target} HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nContent-Length: 20\r\n\r\n{"unsubscribe":true}`;
    t.match(await worker.raw(sized), /^HTTP\/1\.1 302 /);
    const chunked = `${method} ${target} HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n4;x=y\r\nList\r\n3\r\n=On\r\n0\r\nX-Trailer: 1\r\n\r\n`;
    t.match(await worker.raw(chunked), /^HTTP\/1\.1 302 /);
    t.match(await worker.raw(`${method} ${target} HTTP/1.1\r\n${HOST}\r\n`), /^HTTP\/1\.1 302 /);
  }
  t.equal(seen.requests.length, 15);
  for (const request of seen.requests) t.equal(request.target, target, request.method);
  t.same(
    seen.requests.slice(6, 9).map(({ body }) => body.toString()),
    ['{"unsubscribe":true}', 'List=On', ''],
  );
  for (const request of seen.requests.slice(0, 5)) {
    t.same(request.field('content-length'), []);
    t.same(request.field('transfer-encoding'), []);
  }
});

t.test('the fields of a click, exactly', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen });
  await worker.raw(
    `GET / HTTP/1.1\r\n${HOST}User-Agent: x\r\nACCEPT-encoding: gzip\r\nCookie: a=1\r\nRange: bytes=0-1\r\nVia: 1.1 me\r\nIf-None-Match: "x"\r\nStrict-Transport-Security: x\r\n\r\n`,
  );
  t.same(seen.requests[0]?.rawHeaders, [
    'host',
    'links.example.com',
    'connection',
    'keep-alive',
    'User-Agent',
    'x',
    'ACCEPT-encoding',
    'gzip',
    'Cookie',
    'a=1',
    'Range',
    'bytes=0-1',
    'Via',
    '1.1 me',
    'If-None-Match',
    '"x"',
    'Strict-Transport-Security',
    'x',
    'X-Forwarded-For',
    '127.0.0.1',
    'X-Forwarded-Proto',
    'https',
    'X-Forwarded-Host',
    'links.example.com',
    'X-Real-IP',
    '127.0.0.1',
    'Forwarded',
    'for=127.0.0.1;host=links.example.com;proto=https',
  ]);
});

t.test('only a trusted proxy gives the address of the client', async (t) => {
  const seen = await tracker(t);
  const fields = 'X-Forwarded-For: 6.6.6.6, 203.0.113.9\r\nX-Forwarded-Proto: http\r\n';
  for (const [trustedProxies, chain, network] of [
    [['127.0.0.1'], '203.0.113.9, 127.0.0.1', '203.0.113.0/24'],
    [['10.0.0.0/8'], '127.0.0.1', '127.0.0.0/24'],
  ] as const) {
    const worker = await serve(t, { tracker: seen, trustedProxies });
    await worker.raw(`GET / HTTP/1.1\r\n${HOST}${fields}\r\n`);
    t.same(seen.requests.at(-1)?.field('x-forwarded-for'), [chain]);
    t.equal((await worker.next('request.completed')).network, network);
  }
});

t.test('one connection serves all customers, whatever they ask', async (t) => {
  const names = Array.from({ length: 8 }, (_, i) => `links${i}.example.com`);
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen, domains: names.map((name) => ({ name })) });
  for (const name of names) await ask(await worker.h2(name), { ':path': '/' });
  t.equal(seen.connections(), 1);
  t.same(
    seen.requests.map(({ field }) => field('host')[0]),
    names,
  );
});

t.test('clients that send slowly hold no connection to the tracker', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen, upstreamUse: { maxConnections: 4 } });
  const open = async (length: number, sent: number): Promise<void> => {
    const socket = await worker.tls('links.example.com');
    socket.on('error', () => undefined);
    socket.write(`POST /slow HTTP/1.1\r\n${HOST}Content-Length: ${length}\r\n\r\n${'x'.repeat(sent)}`);
  };
  for (let i = 0; i < 6; i += 1) {
    await open(100, 10);
    await open(200_000, 100_000);
  }
  const before = performance.now();
  t.match(await worker.raw(`GET /click HTTP/1.1\r\n${HOST}\r\n`), /^HTTP\/1\.1 302 /);
  t.match(await worker.raw(`POST /one HTTP/1.1\r\n${HOST}Content-Length: 3\r\n\r\nabc`), /^HTTP\/1\.1 302 /);
  t.ok(performance.now() - before < 20_000, 'the slow ones would stay for 30 seconds');
  t.ok(seen.connections() <= 3);
});

t.test('more uploads than can wait get a 503; those that close make room', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t), upstreamUse: { maxConnections: 4 } });
  const open = async (): Promise<TLSSocket> => {
    const socket = await worker.tls('links.example.com');
    socket.on('error', () => undefined);
    socket.write(`POST /slow HTTP/1.1\r\n${HOST}Content-Length: 200000\r\n\r\n${'x'.repeat(100_000)}`);
    return socket;
  };
  const stalled = await Promise.all(Array.from({ length: 24 }, open));
  // one place, sixteen turns behind it
  const refused = await Promise.race(stalled.map((socket) => gather(socket)));
  t.match(refused, /^HTTP\/1\.1 503 [^]*\r\nRetry-After: 1\r\n/);
  await until('all that is too many', () => worker.heard('request.completed').length === 7);
  for (const { status } of worker.heard('request.completed')) t.equal(status, 503);
  for (const socket of stalled) socket.destroy();
  await until('they have left', () => worker.heard('request.completed').length === 24);
  const large = `POST /one HTTP/1.1\r\n${HOST}Content-Length: 200000\r\n\r\n${'x'.repeat(200_000)}`;
  t.match(await worker.raw(large), /^HTTP\/1\.1 302 /);
});
