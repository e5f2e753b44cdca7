// Clients and trackers that send what costs them nothing and us something each time, without end: each is cut within
// its limit, and a click next to it is served meanwhile. Rapid reset, PING and SETTINGS stand in http2.ts.

import t, { type Test } from 'tap';
import { END_HEADERS, END_STREAM, frame, headers, PREFACE, REQUEST } from '../../../helpers/http2-frames.ts';
import { ask, serve, type Serving } from '../../../helpers/serve.ts';
import { onRequestHead, scriptedTracker, tracker } from '../../../helpers/tracker.ts';
import { until } from '../../../helpers/until.ts';

/** does not close in return; `tls.connect` hands the option on, its type does not know it */
const HALF_OPEN = { ALPNProtocols: ['h2'], allowHalfOpen: true };
const MOST_BYTES = 50_000_000;

/** Pours `flood` into a fresh HTTP/2 connection behind `head` until the worker closes it; clicks at the same time. */
const pour = async (t: Test, worker: Serving, what: string, head: Buffer, flood: Buffer): Promise<void> => {
  const before = worker.listeners.connections();
  const socket = await worker.tls('links.example.com', { ALPNProtocols: ['h2'] });
  socket.on('error', () => undefined).resume();
  socket.write(Buffer.concat([PREFACE, head]));
  let sent = 0;
  const more = (): void => {
    while (!socket.destroyed && sent < MOST_BYTES) {
      sent += flood.length;
      if (!socket.write(flood)) break;
    }
  };
  socket.on('drain', more);
  more();
  const session = await worker.h2();
  t.match(await ask(session, { ':path': '/e/c/x' }), { status: 302, code: 0 }, `${what}: others are served`);
  session.close();
  await until(`${what}: it is cut`, () => socket.destroyed);
  t.ok(sent < MOST_BYTES, `${what}: after ${sent} bytes at most`);
  await until('all are gone', () => worker.listeners.connections() <= before);
};

const POST = headers([[':method', 'POST'], ...REQUEST.slice(1)]);
const times = (count: number, one: Buffer): Buffer => Buffer.concat(Array.from({ length: count }, () => one));

t.test('HTTP/2: empty DATA, CONTINUATION without end, empty HEADERS, PRIORITY, WINDOW_UPDATE', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen });
  await pour(
    t,
    worker,
    'empty DATA',
    frame(1, END_HEADERS, 1, POST),
    times(1_000, frame(0, 0, 1, Buffer.alloc(0))),
  );
  const part = headers([['x-a', 'b'.repeat(100)]]);
  await pour(t, worker, 'CONTINUATION', frame(1, 0, 1, headers(REQUEST)), times(200, frame(9, 0, 1, part)));
  await pour(
    t,
    worker,
    'empty CONTINUATION',
    frame(1, 0, 1, headers(REQUEST)),
    times(1_000, frame(9, 0, 1, Buffer.alloc(0))),
  );
  // a window that grows past 2^31-1 ends the session; one byte at a time it takes ever so long
  await pour(
    t,
    worker,
    'WINDOW_UPDATE',
    Buffer.alloc(0),
    times(1_000, frame(8, 0, 0, Buffer.from([0x40, 0, 0, 0]))),
  );
  t.same(
    seen.requests.filter(({ target }) => target === '/outer'),
    [],
    'none of it reached the tracker',
  );
});

t.test(
  'a client whose window is shut: its responses wait until their time limit, with or without PINGs',
  async (t) => {
    const seen = await tracker(t, {
      answer: (_request, response, { target }) =>
        void response.end(target === '/e/c/x' ? '' : Buffer.alloc(300_000)),
    });
    const worker = await serve(t, {
      tracker: seen,
      // fifty handshakes at once take their time on a busy machine
      upstreamUse: { maxConnections: 64, connectTimeoutMs: 30_000, responseTimeoutMs: 30_000 },
      limits: { writeIdleMs: 2_000, keepAliveMs: 3_000 },
    });
    const socket = await worker.tls('links.example.com', HALF_OPEN);
    socket.on('error', () => undefined).resume();
    const shut = frame(4, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0]));
    socket.write(Buffer.concat([PREFACE, shut]));
    for (let id = 1; id < 100; id += 2)
      socket.write(frame(1, END_HEADERS | END_STREAM, id, headers(REQUEST)));
    // refused: an error page that cannot go out either
    const refused = headers([...REQUEST, ['host', 'evil.example.org']]);
    socket.write(frame(1, END_HEADERS | END_STREAM, 101, refused));
    const ping = setInterval(() => socket.write(frame(6, 0, 0, Buffer.from('12345678'))), 100);
    t.teardown(() => clearInterval(ping));
    const session = await worker.h2();
    t.match(await ask(session, { ':path': '/e/c/x' }), { status: 200 }, 'others are served');
    session.destroy();
    await until('all its answers are given up', () => worker.heard('request.completed').length >= 51);
    await until('it is gone', () => worker.listeners.connections() === 0, 20_000);
    t.notOk(
      worker.heard('request.completed').some(({ complete, target }) => complete && target === '/outer'),
    );
  },
);

t.test('a session that only pings, or keeps its side open, ends with its idle time', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t), limits: { keepAliveMs: 400, requestMs: 400 } });
  for (const [what, first] of [
    ['no request', Buffer.alloc(0)],
    ['a request, answered', frame(1, END_HEADERS | END_STREAM, 1, headers(REQUEST))],
    ['a GET that does not end', frame(1, END_HEADERS, 1, headers(REQUEST))],
  ] as const) {
    const socket = await worker.tls('links.example.com', HALF_OPEN);
    socket.on('error', () => undefined).resume();
    socket.write(Buffer.concat([PREFACE, first]));
    const ping = setInterval(() => socket.write(frame(6, 0, 0, Buffer.from('12345678'))), 50);
    const before = performance.now();
    await until(`${what}: it is gone`, () => worker.listeners.connections() === 0);
    clearInterval(ping);
    socket.destroy();
    t.ok(performance.now() - before > 350, `${what}: not before its time`);
  }
});

t.test('a tracker that sends interim responses without end is a 502, and few are passed on', async (t) => {
  let written = 0;
  const upstream = await scriptedTracker(t, (socket) =>
    onRequestHead(socket, (head) => {
      if (head.startsWith('GET /e/c/x ')) {
        socket.write('HTTP/1.1 204 No Content\r\n\r\n');
        return;
      }
      const timer = setInterval(() => {
        written += 20;
        socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n'.repeat(20));
      }, 5);
      socket.on('close', () => clearInterval(timer));
    }),
  );
  const worker = await serve(t, { tracker: upstream, upstreamUse: { responseTimeoutMs: 2_000 } });
  const endless = worker.raw('GET / HTTP/1.1\r\nHost: links.example.com\r\nConnection: close\r\n\r\n');
  const session = await worker.h2();
  const click = ask(session, {});
  t.match(await ask(session, { ':path': '/e/c/x' }), { status: 204 }, 'others are served');
  const answer = await endless;
  t.match(answer, /\r\n\r\nHTTP\/1\.1 502 /);
  t.equal(answer.match(/103 Early Hints/g)?.length, 8);
  const got = await click;
  t.equal(got.status, 502);
  t.equal(got.informed.length, 8);
  t.ok(written > 32);
});

t.test('trailers of a tracker that cannot be written are left out', async (t) => {
  const upstream = await scriptedTracker(t, (socket) =>
    onRequestHead(socket, () =>
      socket.write(
        Buffer.from(
          'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n2\r\nok\r\n0\r\nX-A: \x01\r\nX-B: caf\xe9\r\n\r\n',
          'latin1',
        ),
      ),
    ),
  );
  const worker = await serve(t, { tracker: upstream });
  for (let count = 0; count < 2; count += 1) {
    const answer = await worker.raw('GET / HTTP/1.1\r\nHost: links.example.com\r\nConnection: close\r\n\r\n');
    t.match(answer, /^HTTP\/1\.1 200 [^]*ok/);
  }
});
