// The answer's way back, and what becomes of one side when the other goes: over real sockets, both versions.

import { EventEmitter, once } from 'node:events';
import { connect } from 'node:net';
import t from 'tap';
import { newOutcome } from '../../../src/serve/request/request-outcome.ts';
import { Responder } from '../../../src/serve/request/respond.ts';
import { createResponseClock } from '../../../src/serve/request/response-clock.ts';
import { createStalledReaders } from '../../../src/serve/request/stalled-readers.ts';
import { ask, gather, serve } from '../../helpers/serve.ts';
import { onRequestHead, scriptedTracker, tracker } from '../../helpers/tracker.ts';
import { pause } from '../../helpers/pause.ts';
import { until } from '../../helpers/until.ts';

const GET = 'GET /e/c/x HTTP/1.1\r\nHost: links.example.com\r\n\r\n';
const GET_CLOSE = 'GET /e/c/x HTTP/1.1\r\nHost: links.example.com\r\nConnection: close\r\n\r\n';

t.test('an upstream that dies in its body ends the transfer of every client within a second', async (t) => {
  for (const framing of ['Content-Length: 1000', 'Transfer-Encoding: chunked']) {
    const upstream = await scriptedTracker(t, (socket) =>
      onRequestHead(socket, () => {
        const body = framing.startsWith('T') ? '5\r\nhello\r\n' : 'hello';
        socket.write(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n${body}`, () =>
          setTimeout(() => socket.destroy(), 50),
        );
      }),
    );
    const worker = await serve(t, { tracker: upstream, upstreamUse: { responseTimeoutMs: 60_000 } });
    const before = performance.now();
    const tls = await worker.raw(GET);
    t.match(tls, /\r\n\r\n(5\r\n)?hello/);
    t.notMatch(tls, /\r\n0\r\n\r\n$/, 'no last chunk: the cut is visible');
    const plain = await worker.raw(GET, { plain: true });
    t.notMatch(plain, /\r\n0\r\n\r\n$/);
    const session = await worker.h2();
    const answer = await ask(session, { ':path': '/e/c/x' });
    t.equal(answer.status, 200);
    t.not(answer.code, 0, 'RST_STREAM');
    t.ok(performance.now() - before < 40_000, 'told by its end, not by a clock');
    for (const done of worker.heard('request.completed'))
      t.match(done, { status: 200, complete: false, errorCode: 'ERR_UPSTREAM_INVALID' });
    t.equal(worker.heard('request.completed').length, 3);
  }
});

t.test('HTTP/1.0 has no chunks: a cut response ends without close_notify, or with a reset', async (t) => {
  const upstream = await scriptedTracker(t, (socket) =>
    onRequestHead(socket, () => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n', () =>
        socket.destroy(),
      );
    }),
  );
  const worker = await serve(t, { tracker: upstream });
  const socket = connect(worker.httpPort, '127.0.0.1');
  const error = new Promise<NodeJS.ErrnoException>((resolve) => socket.once('error', resolve));
  socket.write('GET / HTTP/1.0\r\nHost: links.example.com\r\n\r\n');
  t.equal((await error).code, 'ECONNRESET');
});

t.test('no response in responseTimeout: 504, and the upstream’s connection is not used again', async (t) => {
  const closed: Promise<unknown>[] = [];
  const upstream = await scriptedTracker(t, (socket) => {
    socket.resume();
    closed.push(once(socket, 'close'));
  });
  const worker = await serve(t, { tracker: upstream, upstreamUse: { responseTimeoutMs: 150 } });
  t.match(await worker.raw(GET, { until: /\n\n|<\/html>|\n$/ }), /^HTTP\/1\.1 504 Gateway Timeout\r\n/);
  t.match(await worker.next('request.completed'), { status: 504, errorCode: 'ERR_UPSTREAM_TIMEOUT' });
  await worker.raw(GET_CLOSE);
  t.equal(upstream.connections(), 2);
  t.equal(closed.length, 2);
  await Promise.all(closed);
  t.match(await ask(await worker.h2(), {}), { status: 504 });
});

t.test('the time for a response starts after the request’s content', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen, upstreamUse: { responseTimeoutMs: 300 } });
  const socket = await worker.tls('links.example.com');
  const answer = gather(socket);
  socket.write(
    'POST / HTTP/1.1\r\nHost: links.example.com\r\nConnection: close\r\nContent-Length: 4\r\n\r\n',
  );
  for (const byte of 'abcd') {
    await pause(120);
    socket.write(byte);
  }
  t.match(await answer, /^HTTP\/1\.1 302 /);
  t.equal(seen.requests[0]?.body.toString(), 'abcd');
});

t.test(
  'a client that leaves ends its request upstream, and that connection carries nothing more',
  async (t) => {
    const gone: Promise<void>[] = [];
    const heads = new EventEmitter();
    const upstream = await scriptedTracker(t, (socket) => {
      gone.push(new Promise((resolve) => socket.on('close', () => resolve())));
      onRequestHead(socket, () => heads.emit('head'));
    });
    const worker = await serve(t, { tracker: upstream });
    let there = once(heads, 'head');
    const socket = await worker.tls('links.example.com');
    socket.write(GET);
    await there;
    socket.destroy();
    await gone[0];
    t.match(await worker.next('request.completed'), { status: 499, complete: false });

    there = once(heads, 'head');
    const session = await worker.h2();
    const stream = session.request({ ':path': '/' });
    stream.on('error', () => undefined);
    await there;
    stream.close(8);
    await gone[1];
    t.equal(upstream.connections(), 2);
  },
);

t.test(
  'a response that nobody reads waits upstream, in bounded memory, and arrives whole in the end',
  async (t) => {
    const size = 32 * 1024 ** 2;
    let written = 0;
    const upstream = await scriptedTracker(t, (socket) =>
      onRequestHead(socket, () => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
        const chunk = Buffer.alloc(65_536, 'x');
        const more = (): void => {
          while (written < size) {
            written += chunk.length;
            if (!socket.write(chunk)) {
              socket.once('drain', more);
              return;
            }
          }
        };
        more();
      }),
    );
    const worker = await serve(t, { tracker: upstream });
    const settle = async (): Promise<number> => {
      for (let last = -1; last !== written;) {
        last = written;
        await pause(200);
      }
      return written;
    };
    const socket = await worker.tls('links.example.com');
    socket.pause();
    socket.write(GET_CLOSE);
    t.ok((await settle()) < size / 2, `HTTP/1.1: the upstream is held at ${written} bytes`);
    let got = 0;
    socket.on('data', (chunk: Buffer) => (got += chunk.length));
    socket.resume();
    await new Promise((resolve) => socket.on('close', resolve));
    t.ok(got > size);

    written = 0;
    const session = await worker.h2();
    const stream = session.request({ ':path': '/' });
    stream.pause();
    t.ok((await settle()) < size / 2, `HTTP/2: the upstream is held at ${written} bytes`);
    got = 0;
    stream.on('data', (chunk: Buffer) => (got += chunk.length));
    stream.resume();
    await new Promise((resolve) => stream.on('close', resolve));
    t.equal(got, size);
  },
);

t.test('a reader that takes nothing is cut after writeIdle', async (t) => {
  const upstream = await scriptedTracker(t, (socket) =>
    onRequestHead(socket, () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n');
      const more = (): void => {
        while (socket.writable && socket.write(Buffer.alloc(65_536)));
      };
      socket.on('drain', more);
      more();
    }),
  );
  const worker = await serve(t, { tracker: upstream, limits: { writeIdleMs: 200 } });
  const socket = await worker.tls('links.example.com');
  socket.pause();
  socket.write(GET);
  t.match(await worker.next('request.completed'), { status: 200, complete: false });
  const session = await worker.h2();
  const stream = session.request({ ':path': '/' });
  stream.on('error', () => undefined);
  stream.pause();
  while (worker.heard('request.completed').length < 2) await pause(20);
  t.equal(worker.heard('request.completed')[1]?.complete, false);
});

t.test(
  'clients that read nothing hold a quarter of the connections to the tracker, and clicks go on',
  async (t) => {
    const upstream = await scriptedTracker(t, (socket) =>
      onRequestHead(socket, (text) => {
        if (!text.startsWith('GET /long ')) {
          socket.write('HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n');
          return;
        }
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n');
        const more = (): void => {
          while (socket.writable && socket.write(Buffer.alloc(65_536)));
        };
        socket.on('drain', more);
        more();
      }),
    );
    const worker = await serve(t, {
      tracker: upstream,
      upstreamUse: { maxConnections: 8, responseTimeoutMs: 60_000 },
    });
    const session = await worker.h2();
    const streams = Array.from({ length: 20 }, () => {
      const stream = session.request({ ':path': '/long' });
      stream.on('error', () => undefined);
      stream.pause();
      return stream;
    });
    await until('eighteen of twenty are cut', () => worker.heard('request.completed').length === 18);
    await until('two hold a connection', () => worker.listeners.upstreamConnections().active === 2);
    t.ok(
      worker.heard('request.completed').every(({ complete }) => !complete),
      'and their clients see it',
    );
    t.match(await worker.raw(GET_CLOSE), /^HTTP\/1\.1 302 /);
    for (const stream of streams) stream.close();
    await until('none holds any', () => worker.listeners.upstreamConnections().active === 0);
  },
);

t.test('eight interim responses are passed on; the final one as well', async (t) => {
  const hint = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n';
  const upstream = await scriptedTracker(t, (socket) =>
    onRequestHead(socket, () =>
      socket.write(`${hint.repeat(20)}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`),
    ),
  );
  const worker = await serve(t, { tracker: upstream });
  const answer = await ask(await worker.h2(), {});
  t.match(answer, { status: 200, code: 0 });
  t.equal(answer.informed.length, 8);
  const text = await worker.raw(GET_CLOSE);
  t.equal(text.match(/HTTP\/1\.1 103 /g)?.length, 8);
  t.match(text, /\r\n\r\nHTTP\/1\.1 200 OK\r\n[^]*ok$/);
});

t.test('the request of a client that left before it was sent is dropped', (t) => {
  let completed = 0;
  const clock = createResponseClock();
  const listeners: ((finished: boolean) => void)[] = [];
  const exchange = {
    closed: true,
    onClose: (listener: (finished: boolean) => void) => listeners.push(listener),
    fields: [],
    connection: {},
    startedMs: 0,
    method: 'GET',
    listener: 'https',
  };
  const answer = new Responder({
    outcome: newOutcome('id', 'links.example.com', '203.0.113.9'),
    exchange: exchange as never,
    upstream: { id: 'us', responseTimeoutMs: 1_000 } as never,
    emit: () => {
      completed += 1;
    },
    limits: { requestMs: 1_000, upstreamBodyMs: 1_000, writeIdleMs: 1_000 },
    readers: createStalledReaders(1),
    clock,
  });
  t.equal(answer.isOpen(), false);
  let aborted = 0;
  answer.onControl({ resume: () => t.fail('it goes on'), abort: () => (aborted += 1) });
  t.equal(aborted, 1);
  for (const listener of listeners) listener(false);
  t.equal(completed, 1, 'one event, also when the exchange closes later');
  t.end();
});

t.test('statuses and framings pass unchanged', async (t) => {
  const answers: Record<string, string> = {
    '/204': 'HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n',
    '/304': 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n',
    '/head': 'HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nContent-Type: image/gif\r\n\r\n',
    '/empty': 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    '/eof': 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end',
    '/chunked': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    '/odd': 'HTTP/1.1 299 Ganz \xc3\xa4ndere\r\nContent-Length: 2\r\nX-B: caf\xe9\r\nX-b: 2\r\nx-B: 3\r\n\r\nok',
    '/trailers': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 9\r\nHost: evil\r\n\r\n',
    '/hints': 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    '/more-hints': 'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nX-A: 1\r\nConnection: x-b\r\nX-B: 2\r\nx-a: 3\r\nX-C: caf\xe9\r\nSet-Cookie: a=b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  }; // prettier-ignore
  const upstream = await scriptedTracker(t, (socket) =>
    onRequestHead(socket, (text) => {
      const path = /^\S+ (\S+)/.exec(text)?.[1] ?? '';
      socket.write(Buffer.from(answers[path] ?? '', 'latin1'));
      if (path === '/eof') socket.end();
    }),
  );
  const worker = await serve(t, { tracker: upstream });
  const get = (path: string, method = 'GET', version = '1.1'): Promise<string> =>
    worker.raw(`${method} ${path} HTTP/${version}\r\nHost: links.example.com\r\nConnection: close\r\n\r\n`);
  const session = await worker.h2();

  t.match(await get('/204'), /^HTTP\/1\.1 204 No Content\r\nX-A: 1\r\n(?!.*Content-Length)[^]*\r\n\r\n$/);
  t.match(await ask(session, { ':path': '/204' }), { status: 204, code: 0 });
  t.match(await get('/304'), /^HTTP\/1\.1 304 Not Modified\r\nETag: "x"\r\n[^]*\r\n\r\n$/);
  t.match(await ask(session, { ':path': '/304' }), { status: 304, headers: { etag: '"x"' }, code: 0 });
  t.match(await get('/head', 'HEAD'), /\r\nContent-Length: 1234\r\n[^]*\r\n\r\n$/);
  t.match(await ask(session, { ':method': 'HEAD', ':path': '/head' }), {
    headers: { 'content-length': '1234' },
    code: 0,
  });
  t.match(await get('/empty'), /\r\nContent-Length: 0\r\n[^]*\r\n\r\n$/);
  t.match(await get('/eof'), /\r\n\r\n(a\r\n)?to the end/);
  t.equal((await ask(session, { ':path': '/eof' })).body.toString(), 'to the end');
  t.match(await get('/chunked'), /\r\n\r\n3\r\nabc\r\n0\r\n\r\n$/);
  t.match(await get('/chunked', 'GET', '1.0'), /^(?![^]*chunked)[^]*\r\n\r\nabc$/);
  t.match(await get('/odd'), /^HTTP\/1\.1 299 .*\r\n[^]*\r\nX-B: caf\xe9\r\nX-b: 2\r\nx-B: 3\r\n/);
  t.match(await ask(session, { ':path': '/odd' }), { status: 299, headers: { 'x-b': 'caf\xe9, 2, 3' } });
  t.match(await get('/trailers'), /\r\n0\r\nX-Sum: 9\r\n\r\n$/);
  t.same(Object.entries((await ask(session, { ':path': '/trailers' })).trailers), [['x-sum', '9']]);
  t.match(
    await get('/hints'),
    /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a\.css>; rel=preload\r\n\r\nHTTP\/1\.1 200 OK\r\n/,
  );
  t.match(await ask(session, { ':path': '/hints' }), { status: 200, informed: [{ ':status': 103 }] });
  t.match(
    await get('/more-hints'),
    /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a>; rel=preload\r\nx-a: 1, 3\r\n\r\nHTTP\/1\.1 200 OK\r\n/,
    'with its other end-to-end fields',
  );
  t.match(await get('/hints', 'GET', '1.0'), /^HTTP\/1\.1 200 /, 'HTTP/1.0 knows no interim answers');
});

t.test('a response that is none is a 502', async (t) => {
  const junk = await scriptedTracker(t, (socket) =>
    onRequestHead(socket, () => socket.write('SSH-2.0-x\r\n')),
  );
  const worker = await serve(t, { tracker: junk });
  t.match(await ask(await worker.h2(), {}), { status: 502 }, 'over HTTP/2');
  t.match(await worker.next('upstream.failed'), { code: 'ERR_UPSTREAM_INVALID' });
  t.match(await worker.raw(GET_CLOSE), /^HTTP\/1\.1 502 /);
});

t.test('a response before the request is whole is passed on, and ends the connection', async (t) => {
  const upstream = await tracker(t, {
    early: (_request, response) => {
      response.writeHead(413, { 'Content-Length': '3', Connection: 'close' });
      response.end('big');
      return true;
    },
  });
  const worker = await serve(t, { tracker: upstream });
  const head = 'POST / HTTP/1.1\r\nHost: links.example.com\r\nContent-Length: 100000\r\n\r\n';
  t.match(await worker.raw(`${head}${'x'.repeat(70_000)}`), /^HTTP\/1\.1 413 [^]*big$/);
  t.match(await worker.raw(`${head}${'x'.repeat(70_000)}`, { plain: true }), /^HTTP\/1\.1 413 [^]*big$/);
  const session = await worker.h2();
  const stream = session.request({ ':method': 'POST', ':path': '/' });
  stream.on('error', () => undefined);
  stream.write(Buffer.alloc(40_000));
  const status = await new Promise((resolve) => stream.on('response', (h) => resolve(h[':status'])));
  t.equal(status, 413);
});
