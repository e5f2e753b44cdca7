// What follows a refusal on its connection is not parsed, and is read for a moment only; what follows a good request is served in turn.

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { gather, serve } from '../../helpers/serve.ts';
import { tracker } from '../../helpers/tracker.ts';
import { until } from '../../helpers/until.ts';

const HOST = 'Host: links.example.com\r\n';
const SMALL = 'GET /behind HTTP/1.1\r\n\r\n';
const CHANNEL = 'http.server.request.start';

interface Parsed {
  readonly server: Server;
  readonly socket: Socket;
}

/** Every request that Node hands to a server of this process from now on. */
const parsedRequests = (t: Test): Parsed[] => {
  const parsed: Parsed[] = [];
  const note = (message: unknown): void => void parsed.push(message as Parsed);
  subscribe(CHANNEL, note);
  t.teardown(() => unsubscribe(CHANNEL, note));
  return parsed;
};

const REFUSED: readonly (readonly [what: string, head: string, status: number, parsed: number])[] = [
  ['a name that is not configured', 'GET / HTTP/1.1\r\nHost: evil.example.org\r\n\r\n', 421, 1],
  ['two names', `GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`, 400, 1],
  ['a content that is too large', `POST / HTTP/1.1\r\n${HOST}Content-Length: 9999999\r\n\r\n`, 413, 1],
  ['fields that are too large', `GET / HTTP/1.1\r\n${HOST}X: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 0],
  ['bytes that are no request', 'GARBAGE\r\n\r\n', 400, 0],
  ['CONNECT', `CONNECT a:1 HTTP/1.1\r\n${HOST}\r\n`, 400, 0],
];

t.test('after a refusal nothing is parsed, whatever the reason', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen });
  const parsed = parsedRequests(t);
  for (const [what, head, status, count] of REFUSED)
    for (const plain of [true, false]) {
      parsed.length = 0;
      const response = await worker.raw(head + SMALL.repeat(2_000), { plain });
      const where = `${what}${plain ? ', port 80' : ''}`;
      t.match(response, new RegExp(`^HTTP/1\\.1 ${what === 'CONNECT' ? '[45]\\d\\d' : status} `), where);
      t.equal(response.match(/HTTP\/1\.1 \d/g)?.length, 1, `${where}: one response`);
      // the one that shows that more follows
      t.ok(parsed.length <= count + 1, `${where}: ${parsed.length} requests parsed`);
    }
  t.same(seen.requests, []);
});

t.test('a refusal for its time ends the reading too', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t), limits: { headersMs: 300, requestMs: 300 } });
  const parsed = parsedRequests(t);
  const socket = connect({ port: worker.httpPort, host: '127.0.0.1', allowHalfOpen: true });
  t.teardown(() => socket.destroy());
  socket.once('data', () => socket.write(`\r\n\r\n${SMALL.repeat(100)}`));
  const response = gather(socket);
  socket.on('end', () => socket.end());
  socket.write(`GET / HTTP/1.1\r\nX: `);
  t.match(await response, /^HTTP\/1\.1 408 /);
  t.equal(parsed.length, 0);
});

t.test('after a refusal only so many bytes are read', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t) });
  const parsed = parsedRequests(t);
  const socket = connect({ port: worker.httpPort, host: '127.0.0.1', allowHalfOpen: true });
  t.teardown(() => socket.destroy());
  socket.on('error', () => undefined).resume();
  socket.write(`POST / HTTP/1.1\r\n${HOST}Content-Length: 99999999999\r\n\r\n`);
  const block = Buffer.alloc(256 * 1024, SMALL);
  const more = (): void => {
    while (!socket.destroyed && socket.write(block));
  };
  socket.on('drain', more);
  more();
  await until('it is cut', () => socket.destroyed, 20_000);
  t.equal(parsed.length, 1);
  t.ok((parsed[0]?.socket.bytesRead ?? Infinity) < 4 * 1024 ** 2, `${parsed[0]?.socket.bytesRead} bytes`);
});

t.test('what stands behind a request that closes the connection is not parsed', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen, limits: { requestsPerConnection: 2 } });
  const parsed = parsedRequests(t);
  const good = `GET /good HTTP/1.1\r\n${HOST}\r\n`;
  for (const plain of [true, false]) {
    parsed.length = 0;
    const response = await worker.raw(good + good + SMALL.repeat(500), { plain });
    t.equal(response.match(/HTTP\/1\.1 302/g)?.length, 2);
    const isOurs = ({ socket }: Parsed): boolean =>
      [worker.httpPort, worker.httpsPort].includes(socket.localPort ?? 0);
    // the second becomes the last one when its turn comes: what was read with it has been parsed already
    t.ok(parsed.filter(isOurs).length <= 502);
  }
  t.same(
    seen.requests.map(({ target }) => target),
    ['/good', '/good', '/good', '/good'],
  );
});

t.test('200 requests sent ahead are served in turn', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen });
  const all = Array.from({ length: 200 }, (_, i) => `/p${i}`);
  const text = all.map((path) => `GET ${path} HTTP/1.1\r\n${HOST}\r\n`).join('');
  const last = `GET /last HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`;
  for (const plain of [true, false]) {
    const before = seen.requests.length;
    const response = await worker.raw(text + last, { plain });
    t.equal(response.match(/HTTP\/1\.1 302 /g)?.length, 201);
    t.same(
      seen.requests.slice(before).map(({ target }) => target),
      [...all, '/last'],
    );
  }
});

t.test('requests sent ahead are not read on while others wait', async (t) => {
  const seen = await tracker(t, { answer: () => undefined });
  const worker = await serve(t, { tracker: seen });
  const parsed = parsedRequests(t);
  const socket = await worker.tls('links.example.com');
  socket.on('error', () => undefined);
  const good = Buffer.from(`GET / HTTP/1.1\r\n${HOST}\r\n`.repeat(5_000));
  for (let i = 0; i < 100; i += 1) socket.write(good);
  await until('the first is at the tracker', () => seen.requests.length === 1);
  const idle = await worker.tls('links.example.com');
  idle.write(`GET / HTTP/1.1\r\n${HOST}\r\n`);
  await until('another client is served', () => seen.requests.length === 2);
  const ours = parsed.filter(({ socket: { remotePort } }) => remotePort === socket.localPort).length;
  t.ok(ours < 5_000, `${ours} requests of 500,000 were read`);
});

t.test('above the ceiling of all requests that wait a connection that sends ahead is cut', async (t) => {
  const seen = await tracker(t, { answer: () => undefined });
  const worker = await serve(t, { tracker: seen });
  const bytes = `GET / HTTP/1.1\r\n${HOST}\r\n${'GET / HTTP/1.1\r\n\r\n'.repeat(3_500)}`;
  const sockets = Array.from({ length: 6 }, () => {
    const socket = connect(worker.httpPort, '127.0.0.1');
    t.teardown(() => socket.destroy());
    socket.on('error', () => undefined).resume();
    socket.write(bytes);
    return socket;
  });
  await until('some are cut', () => sockets.some(({ destroyed }) => destroyed));
  t.ok(
    sockets.some(({ destroyed }) => !destroyed),
    'others wait',
  );
  const idle = connect(worker.httpPort, '127.0.0.1');
  t.teardown(() => idle.destroy());
  const before = seen.requests.length;
  idle.write(`GET /click HTTP/1.1\r\n${HOST}\r\n`);
  await until('a click is served', () =>
    seen.requests.slice(before).some(({ target }) => target === '/click'),
  );
});
