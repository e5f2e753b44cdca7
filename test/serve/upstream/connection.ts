// One connection to a tracker that says what the test writes: which responses it carries, and when it carries no other request.

import { Readable } from 'node:stream';
import { createSecureContext, type TLSSocket } from 'node:tls';
import t, { type Test } from 'tap';
import { Connection, type Carried } from '../../../src/serve/upstream/connection.ts';
import { createHappyEyeballs } from '../../../src/serve/upstream/happy-eyeballs.ts';
import type { Upstream } from '../../../src/serve/upstream/upstream.ts';
import { onRequestHead, scriptedTracker } from '../../helpers/tracker.ts';
import { until } from '../../helpers/until.ts';
import { send, upstreamTo, type SendOptions } from '../../helpers/upstream-client.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

interface Answering {
  readonly upstream: Upstream;
  readonly heads: readonly string[];
  /** connections that are open at the tracker */
  open(): number;
}

/** Answers each request with what `answer` says of its number, 1 for the first, over all connections. */
const answering = async (
  t: Test,
  answer: (count: number, socket: TLSSocket, reset: () => void) => string | undefined,
): Promise<Answering> => {
  const heads: string[] = [];
  let open = 0;
  const target = await scriptedTracker(t, (socket, connection, reset) => {
    open += 1;
    socket.on('close', () => (open -= 1));
    onRequestHead(socket, (head) => {
      heads.push(`${connection} ${head}`);
      const text = answer(heads.length, socket, reset);
      if (text !== undefined) socket.write(Buffer.from(text, 'latin1'));
    });
  });
  return { upstream: upstreamTo(t, target), heads, open: () => open };
};

const connectionsOf = (heads: readonly string[]): string =>
  heads.map((head) => head.split(' ', 1)[0]).join('');

t.test('responses after which the connection carries the next request', async (t) => {
  for (const [what, response, status] of [
    ['Content-Length', OK, 200],
    ['Content-Length: 0', 'HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n', 302],
    ['chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nT: 1\r\n\r\n', 200],
    ['204', 'HTTP/1.1 204 No Content\r\n\r\n', 204],
    ['204 with a length', 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n', 204],
    [
      '304 with the length of another',
      'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 43\r\n\r\n',
      304,
    ],
    ['an unasked 100', `HTTP/1.1 100 Continue\r\n\r\n${OK}`, 200],
    ['103 and 100', `HTTP/1.1 103 Early\r\nLink: <a>\r\n\r\nHTTP/1.1 100 C\r\n\r\n${OK}`, 200],
    ['a status above 599', 'HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n', 999],
    ['Trailer with a length', OK.replace('\r\n\r\n', '\r\nTrailer: X-T\r\n\r\n'), 200],
    ['two Dates', OK.replace('\r\n\r\n', '\r\nDate: x\r\nDate: y\r\n\r\n'), 200],
    ['two Content-Types', OK.replace('\r\n\r\n', '\r\nContent-Type: x\r\nContent-Type: y\r\n\r\n'), 200],
    ['a control byte in a field', OK.replace('\r\n\r\n', '\r\nX: \x01\r\nBad\x00: y\r\n\r\n'), 200],
    ['Keep-Alive', OK.replace('\r\n\r\n', '\r\nKeep-Alive: timeout=60\r\n\r\n'), 200],
  ] as const) {
    // prettier-ignore
    const { upstream, heads } = await answering(t, (count) => (count === 2 ? OK : response));
    t.match(await send(upstream, 'a'), { status, error: undefined }, what);
    t.match(await send(upstream, 'a', { method: 'POST' }), { status: 200 });
    t.match(await send(upstream, 'a'), { status, error: undefined }, what);
    t.equal(connectionsOf(heads), '111', what);
  }
});

t.test('responses after which it is closed', async (t) => {
  for (const [what, response, options] of [
    ['Connection: close', OK.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'), {}],
    ['HTTP/1.0', OK.replace('1.1', '1.0'), {}],
    ['Keep-Alive of a second', OK.replace('\r\n\r\n', '\r\nKeep-Alive: timeout=1\r\n\r\n'), {}],
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n', { method: 'HEAD' }],
    ['HEAD with content', OK, { method: 'HEAD' }],
    ['bytes behind the response', `${OK}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged`, {}],
    ['a line end behind it', `${OK}\r\n`, {}],
    ['304 with content', `HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nstray`, {}],
  ] as const) {
    const { upstream, heads, open } = await answering(t, () => response);
    for (let count = 0; count < 2; count += 1) {
      const got = await send(upstream, 'a', options as SendOptions);
      t.equal(got.error, undefined, what);
      t.notMatch(got.body, 'forged', what);
      t.equal(got.body, 'method' in options || got.status === 304 ? '' : 'ok', what);
    }
    t.equal(connectionsOf(heads), '12', what);
    await until(`${what}: closed`, () => open() === 0);
  }
});

t.test('what comes when nobody asked is no response', async (t) => {
  const forged = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged';
  let idle: TLSSocket | undefined;
  // in the packet of the response
  const together = await answering(t, (count, socket) => {
    if (count % 2 === 0) return OK;
    socket.cork();
    socket.write(OK);
    socket.write(forged);
    socket.uncork();
    return undefined;
  });
  for (let count = 0; count < 10; count += 1)
    t.match(await send(together.upstream, 'a', { method: 'POST' }), { body: 'ok', error: undefined });
  const later = await answering(t, (_count, socket) => {
    idle = socket;
    return OK;
  });
  await send(later.upstream, 'a');
  idle?.write(forged);
  await until('the idle one is closed', () => later.open() === 0);
  t.match(await send(later.upstream, 'a'), { body: 'ok' });
  t.equal(connectionsOf(later.heads), '12');
});

t.test('a record that was read together with the response is not taken for the next one', async (t) => {
  const target = await scriptedTracker(t, (socket) => socket.resume());
  const connectTo = createHappyEyeballs({
    port: Number(new URL(target.url).port),
    serverName: target.serverName,
    secureContext: createSecureContext({ ca: target.caPem }),
  });
  const connected = await connectTo(['127.0.0.1'], {
    timeoutMs: 20_000,
    signal: new AbortController().signal,
  });
  const said: string[] = [];
  const carried = (name: string): Carried => ({
    request: { method: 'POST', target: '/', fields: ['Host', 'a'], body: undefined },
    onInterim: () => undefined,
    onHead: ({ status }) => said.push(`${name} ${status}`),
    onData: () => true,
    onWhole: () => said.push(`${name} whole`),
    onUnsent: () => said.push(`${name} unsent`),
    onFailed: () => said.push(`${name} failed`),
  });
  const owner = {
    onFree: (free: Connection) => free.carry(carried('second')),
    onGone: () => said.push('gone'),
  };
  const connection = new Connection(connected, owner, () => performance.now());
  connection.start();
  connection.carry(carried('first'));
  // OpenSSL hands over one record after the other, without a turn of the loop between them
  connection.onBytes(Buffer.from(OK));
  connection.onBytes(Buffer.from(OK));
  t.strictSame(said, ['first 200', 'first whole', 'gone', 'second unsent']);
});

t.test('what is no response is an error, and ends the connection', async (t) => {
  for (const [what, response] of [
    ['101', 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'],
    ['gzip, chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'],
    ['two lengths', OK.replace('\r\n\r\n', '\r\nContent-Length: 3\r\n\r\n')],
    ['length and chunks', OK.replace('\r\n\r\n', '\r\nTransfer-Encoding: chunked\r\n\r\n')],
    ['bare LF', OK.replaceAll('\r\n', '\n')],
    ['another protocol', 'SSH-2.0-x\r\n'],
    ['a bad chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n'],
  ] as const) {
    const { upstream, heads, open } = await answering(t, (count) => (count === 1 ? response : OK));
    t.match((await send(upstream, 'a')).error, { code: 'ERR_UPSTREAM_INVALID' }, what);
    await until(`${what}: closed`, () => open() === 0);
    t.match(await send(upstream, 'a'), { status: 200 });
    t.equal(connectionsOf(heads), '12', 'it is not sent again');
  }
});

t.test('interim responses are passed on, but for 100', async (t) => {
  const { upstream } = await answering(
    t,
    () => `HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 E\r\nLink: <a>\r\n\r\n${OK}`,
  );
  t.strictSame((await send(upstream, 'a')).informed, [103]);
});

/** A content that never ends by itself. */
const endless = (): Readable =>
  new Readable({
    read() {
      this.push(Buffer.alloc(16_384, 'x'));
    },
  });

t.test('a response before the end of its request is delivered, and the connection closed', async (t) => {
  for (const end of ['stays', 'closes', 'resets'] as const) {
    for (let count = 0; count < 10; count += 1) {
      const { upstream, open } = await answering(t, (_count, socket, reset) => {
        const whole = 'HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno';
        if (end === 'stays') return whole;
        // nothing more is read: the system resets by itself what still comes
        socket.pause();
        if (end === 'closes') socket.end(whole, () => socket.destroy());
        else socket.write(whole, () => setImmediate(reset));
        return undefined;
      });
      const body = endless();
      const got = await send(upstream, 'a', { method: 'POST', body });
      // a reset can overtake what was sent before it
      if (end !== 'resets' || got.error === undefined)
        t.match(got, { status: 413, body: 'no', error: undefined }, end);
      t.ok(body.destroyed, 'the rest is not read');
      await until('closed', () => open() === 0);
      await upstream.destroy();
    }
  }
});

t.test('a response is read although nothing more of its request can be written', async (t) => {
  for (let count = 0; count < 10; count += 1) {
    const body = new Readable({ read: () => undefined });
    body.push('first');
    const { upstream } = await answering(t, (_count, socket, reset) => {
      socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno', () => {
        reset();
        // written before anything is read
        body.push('second');
      });
      return undefined;
    });
    const got = await send(upstream, 'a', { method: 'POST', body });
    t.match(got, { status: 413, body: 'no', error: undefined });
    await upstream.destroy();
  }
});

t.test('a POST finds another connection when an idle one was closed', async (t) => {
  const { upstream, heads } = await answering(t, (_count, socket) => {
    socket.write(OK);
    setImmediate(() => socket.end());
    return undefined;
  });
  for (let count = 0; count < 5; count += 1) {
    t.match(await send(upstream, 'a', { method: 'POST' }), { status: 200, error: undefined });
    await until('its end came', () => upstream.counts().open === 0);
  }
  t.equal(connectionsOf(heads), '12345');
});

t.test('a reader that pauses holds the tracker back, and gets all of it', async (t) => {
  const size = 8_000_000;
  let written = 0;
  const { upstream } = await answering(t, (_count, socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    const more = (): void => {
      while (written < size) {
        written += 100_000;
        if (!socket.write(Buffer.alloc(100_000, 'x'))) {
          socket.once('drain', more);
          return;
        }
      }
    };
    more();
    return undefined;
  });
  let resume: (() => void) | undefined;
  let isPaused = false;
  let came = 0;
  const got = send(upstream, 'a', {
    onControl: (control) => (resume = () => control.resume()),
    onData: (chunk) => {
      came += chunk.length;
      const pausing = !isPaused;
      isPaused = true;
      return !pausing;
    },
  });
  await until('the first of it', () => isPaused);
  let before = -1;
  await until('nothing more comes', () => {
    const isStill = before === written;
    before = written;
    return isStill;
  });
  t.ok(came < 200_000 && written < size, `${came} read, ${written} of ${size} written`);
  resume?.();
  t.equal((await got).body.length, size);
});
