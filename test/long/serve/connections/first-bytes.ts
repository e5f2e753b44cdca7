// What has not said enough waits, costs no TLS connection and no parser, and goes in its time; what has is served as ever.

import { connect, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { Duplex } from 'node:stream';
import t, { type Test } from 'tap';
import { isAnything, isWholeHello } from '../../../../src/serve/connections/first-bytes.ts';
import { pause } from '../../../helpers/pause.ts';
import { ask, gather, serve } from '../../../helpers/serve.ts';
import { tracker } from '../../../helpers/tracker.ts';
import { until } from '../../../helpers/until.ts';

const GET = 'GET /e/c/x HTTP/1.1\r\nHost: links.example.com\r\nConnection: close\r\n\r\n';

t.test('a first TLS record is whole when all its bytes are here; other bytes pass at once', (t) => {
  const record = (length: number): Buffer => {
    const bytes = Buffer.alloc(5 + length);
    bytes.set([0x16, 3, 1, length >> 8, length & 255]);
    return bytes;
  };
  for (const length of [1, 200, 1_800, 4_090]) {
    const whole = record(length);
    t.equal(isWholeHello(whole), true);
    t.equal(isWholeHello(Buffer.concat([whole, Buffer.from('more')])), true);
    for (const cut of [1, 4, 5, whole.length - 1].filter((cut) => cut < whole.length))
      t.equal(isWholeHello(whole.subarray(0, cut)), false, `${cut} of ${whole.length} bytes`);
  }
  t.equal(isWholeHello(record(16_384).subarray(0, 4_095)), false);
  t.equal(isWholeHello(record(16_384).subarray(0, 4_096)), true, 'no client has one that long');
  for (const bytes of ['GET / HTTP/1.1', '\x15', '\x80\x2e', '\0'])
    t.equal(isWholeHello(Buffer.from(bytes, 'latin1')), true, 'no handshake record');
  t.equal(isAnything(Buffer.from('G')), true);
  t.end();
});

/** A ClientHello as a real client makes it: what Node's own writes first. */
const clientHello = (servername: string): Promise<Buffer> =>
  new Promise((resolve) => {
    const wire = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        resolve(chunk);
        done();
      },
    });
    tlsConnect({ socket: wire, servername }).on('error', () => undefined);
  });

/** A connection whose bytes we write and read ourselves. */
const opened = (t: Test, port: number): Promise<Socket> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket));
    socket.on('error', () => undefined);
    t.teardown(() => socket.destroy());
  });

t.test('a ClientHello in pieces, down to single bytes, is answered like a whole one', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t) });
  for (const size of [1, 3, 64, 10_000]) {
    const hello = await clientHello('links.example.com');
    const socket = await opened(t, worker.httpsPort);
    const answer = new Promise<Buffer>((resolve) => socket.once('data', resolve));
    for (let at = 0; at < hello.length; at += size) {
      socket.write(hello.subarray(at, at + size));
      if (at < 20) await pause(1);
    }
    t.equal((await answer)[0], 0x16, `a ServerHello, in pieces of ${size}`);
    socket.destroy();
  }
});

t.test('a request in pieces of any size, over TLS and on port 80', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen });
  for (const size of [1, 7, 1_000]) {
    for (const open of [
      () => opened(t, worker.httpPort),
      () => worker.tls('links.example.com', { ALPNProtocols: ['http/1.1'] }),
    ]) {
      const socket = await open();
      const answer = gather(socket);
      for (let at = 0; at < GET.length; at += size) {
        socket.write(GET.slice(at, at + size));
        if (at < 10) await pause(1);
      }
      t.match(await answer, /^HTTP\/1\.1 302 /);
    }
  }
  t.equal(seen.requests.length, 6, 'each once');
});

t.test(
  'a client that closes its side at once has left: its connection ends, its request is sent at most once',
  async (t) => {
    const seen = await tracker(t);
    const worker = await serve(t, { tracker: seen });
    for (const port of [worker.httpPort, worker.httpsPort]) {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      const answer = gather(socket);
      socket.end(port === worker.httpPort ? GET : await clientHello('links.example.com'));
      await answer;
    }
    await until('nothing is left', () => worker.listeners.connections() === 0);
    t.ok(seen.requests.length <= 1);
  },
);

t.test(
  'a silent connection ends at its time limit; port 80 counts it, https calls it a timeout',
  async (t) => {
    const limits = { headersMs: 300, requestMs: 300, tlsHandshakeMs: 300 };
    const worker = await serve(t, { tracker: await tracker(t), limits });
    const started = performance.now();
    const sockets = await Promise.all([opened(t, worker.httpPort), opened(t, worker.httpsPort)]);
    t.same(await Promise.all(sockets.map((socket) => gather(socket))), ['', '']);
    const ms = performance.now() - started;
    t.ok(ms > 250 && ms < 2_000, `gone after ${ms} ms`);
    t.same(await worker.next('connection.refused'), { listener: 'http', reason: 'silent' });
    t.same(worker.heard('handshake.failed'), [{ reason: 'timeout' }]);
    t.equal(worker.heard('request.refused').length, 0);
  },
);

t.test('the time of a handshake begins with the connection, and only once', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t), limits: { tlsHandshakeMs: 1_500 } });
  const hello = await clientHello('links.example.com');
  const started = performance.now();
  const half = await opened(t, worker.httpsPort);
  half.write(hello.subarray(0, 50));
  const whole = await opened(t, worker.httpsPort);
  const gone = [gather(half), gather(whole)];
  // late, and then it does not go on
  await pause(1_200);
  whole.write(hello);
  await Promise.all(gone);
  const ms = performance.now() - started;
  t.ok(ms > 1_400 && ms < 2_500, `gone after ${ms} ms`);
  await until('both are told of', () => worker.heard('handshake.failed').length === 2);
  t.same(worker.heard('handshake.failed'), [{ reason: 'timeout' }, { reason: 'timeout' }]);
});

t.test('an established connection has no limit of its handshake or first byte', async (t) => {
  const limits = { headersMs: 400, requestMs: 400, tlsHandshakeMs: 400 };
  const worker = await serve(t, { tracker: await tracker(t), limits });
  const request = 'GET /e/c/x HTTP/1.1\r\nHost: links.example.com\r\n\r\n';
  for (const open of [() => worker.tls('links.example.com'), () => opened(t, worker.httpPort)]) {
    const socket = await open();
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.write(request);
    await until('it is answered', () => text.includes('\r\n\r\n'));
    text = '';
    await pause(900);
    socket.write(request);
    await until('and once more, twice that time later', () => text.startsWith('HTTP/1.1 302 '));
  }
  const session = await worker.h2();
  t.equal((await ask(session, {})).status, 302);
  await pause(900);
  t.equal((await ask(session, {})).status, 302);
});

t.test('bytes that arrived while the process was blocked are in time', async (t) => {
  const limits = { headersMs: 300, requestMs: 300, tlsHandshakeMs: 300 };
  const worker = await serve(t, { tracker: await tracker(t), limits });
  const hello = await clientHello('links.example.com');
  const [plain, secure] = [await opened(t, worker.httpPort), await opened(t, worker.httpsPort)];
  await until('both are accepted', () => worker.listeners.connections() === 2);
  const answers = Promise.all([
    gather(plain),
    new Promise<Buffer>((resolve) => secure.once('data', resolve)),
  ]);
  plain.write(GET);
  secure.write(hello);
  const end = performance.now() + 600;
  while (performance.now() < end);
  const [answer, serverHello] = await answers;
  t.match(answer, /^HTTP\/1\.1 302 /);
  t.equal(serverHello[0], 0x16);
});

t.test('a connection without a byte is no failed handshake; half a ClientHello is', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t) });
  (await opened(t, worker.httpsPort)).end();
  (await opened(t, worker.httpPort)).end();
  await until('both are gone', () => worker.listeners.connections() === 0);
  t.same(worker.heard('handshake.failed'), []);
  (await opened(t, worker.httpsPort)).end('\x16\x03\x01');
  t.same(await worker.next('handshake.failed'), { reason: 'gone' });
  const reset = await opened(t, worker.httpsPort);
  reset.resetAndDestroy();
  await until('a reset is heard', () => worker.listeners.connections() === 0);
});

t.test('drain: a silent connection keeps its time', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t) });
  const slow = [await opened(t, worker.httpPort), await opened(t, worker.httpsPort)] as const;
  const kept = await worker.tls('links.example.com');
  await until('all are accepted', () => worker.listeners.connections() === 3);
  const cut = worker.listeners.drain({ timeoutMs: 20_000, graceMs: 10_000 });
  await pause(1_500);
  const answers = [gather(slow[0]), gather(kept)];
  slow[0].write(GET);
  kept.write(GET);
  for (const answer of await Promise.all(answers)) t.match(answer, /^HTTP\/1\.1 302 /);
  const late = tlsConnect({ socket: slow[1], servername: 'links.example.com', ca: worker.pki.rootPem });
  const answer = gather(late);
  late.write(GET);
  t.match(await answer, /^HTTP\/1\.1 302 /);
  t.equal(await cut, 0);
});

t.test('drain: a silent connection gets a moment, and does not delay the drain', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t) });
  const silent = [await opened(t, worker.httpsPort), await opened(t, worker.httpPort)];
  const late = await opened(t, worker.httpPort);
  const gone = Promise.all(silent.map((socket) => gather(socket)));
  await until('all are accepted', () => worker.listeners.connections() === 3);
  const started = performance.now();
  const cut = worker.listeners.drain({ timeoutMs: 60_000, graceMs: 1_000 });
  const answer = gather(late);
  late.write(GET);
  t.match(await answer, /^HTTP\/1\.1 302 /, 'what was on its way is served');
  t.equal(await cut, 0);
  await gone;
  t.ok(performance.now() - started < 40_000);
});
