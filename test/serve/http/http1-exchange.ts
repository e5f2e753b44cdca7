import { connect, createServer, type AddressInfo } from 'node:net';
import t from 'tap';
import { closeLingering } from '../../../src/serve/http/linger.ts';
import { gather, serve } from '../../helpers/serve.ts';
import { onRequestHead, scriptedTracker } from '../../helpers/tracker.ts';
import { until } from '../../helpers/until.ts';

t.test('closing reads on, so that no reset destroys the last response', async (t) => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.pause();
      socket.write('last words');
      closeLingering(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const socket = connect({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    allowHalfOpen: true,
  });
  let error: unknown;
  socket.on('error', (e) => (error = e));
  const text = gather(socket);
  socket.write('x'.repeat(500_000));
  socket.on('end', () => socket.end());
  t.equal(await text, 'last words');
  t.equal(error, undefined);
});

t.test('a client that never stops sending is cut', async (t) => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    closeLingering(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const socket = connect({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    allowHalfOpen: true,
  });
  socket.on('error', () => undefined);
  const timer = setInterval(() => socket.write('x'), 20);
  t.teardown(() => clearInterval(timer));
  const before = performance.now();
  await new Promise((resolve) => socket.on('close', resolve));
  t.ok(performance.now() - before < 20_000);
});

t.test('a head without content in the same turn is sent at once', async (t) => {
  const upstream = await scriptedTracker(t, (socket) =>
    onRequestHead(socket, () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n')),
  );
  const worker = await serve(t, { tracker: upstream });
  const answer = await worker.raw('GET / HTTP/1.1\r\nHost: links.example.com\r\n\r\n', { until: /\r\n\r\n/ });
  t.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
});

t.test(
  'content in the turn of its head: every byte, whole or in parts, and no part waits for the next',
  async (t) => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const large = Buffer.concat(Array.from({ length: 40 }, () => bytes));
    const chunk = (content: Buffer): Buffer =>
      Buffer.concat([Buffer.from(`${content.length.toString(16)}\r\n`), content, Buffer.from('\r\n')]);
    const last = Buffer.from('0\r\n\r\n');
    const answers: Readonly<Record<string, readonly [head: string, content: Buffer, expected: Buffer]>> = {
      '/small': [`Content-Length: ${bytes.length}`, bytes, bytes],
      '/large': [`Content-Length: ${large.length}`, large, large],
      '/chunk': ['Transfer-Encoding: chunked', Buffer.concat([chunk(bytes), last]), bytes],
      '/chunks': [
        'Transfer-Encoding: chunked',
        Buffer.concat([chunk(bytes), chunk(large), chunk(bytes), last]),
        Buffer.concat([bytes, large, bytes]),
      ],
      '/first': ['Transfer-Encoding: chunked', chunk(bytes), bytes],
    };
    const upstream = await scriptedTracker(t, (socket) =>
      onRequestHead(socket, (text) => {
        const [head = '', content = Buffer.alloc(0)] = answers[/^\S+ (\S+)/.exec(text)?.[1] ?? ''] ?? [];
        socket.write(Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n`), content]));
      }),
    );
    const worker = await serve(t, { tracker: upstream });
    for (const [path, [, , expected]] of Object.entries(answers)) {
      // HTTP/1.0 has no chunks: what comes is the content; an answer without its end is waited for as far as it went
      const isPart = path === '/first';
      const socket = await worker.tls('links.example.com');
      const parts: Buffer[] = [];
      socket.on('data', (part: Buffer) => parts.push(part));
      socket.write(`GET ${path} HTTP/1.0\r\nHost: links.example.com\r\n\r\n`);
      const content = (): Buffer => {
        const all = Buffer.concat(parts);
        return all.subarray(all.indexOf('\r\n\r\n') + 4);
      };
      await until(`the content of ${path}`, () => parts.length > 0 && content().length >= expected.length);
      t.ok(content().equals(expected), path);
      if (!isPart) continue;
      t.equal(
        worker.heard('request.completed').length,
        Object.keys(answers).length - 1,
        'and its end is still to come',
      );
      socket.destroy();
    }
  },
);

t.test(
  'Trailer without chunks, an odd status, a value that Node does not write: the response passes',
  async (t) => {
    let script = '';
    const upstream = await scriptedTracker(t, (socket) => onRequestHead(socket, () => socket.write(script)));
    const worker = await serve(t, { tracker: upstream });
    const get = (version: string): string =>
      `GET / HTTP/${version}\r\nHost: links.example.com\r\nConnection: close\r\n\r\n`;
    for (const version of ['1.0', '1.1']) {
      script = 'HTTP/1.1 302 Found\r\nLocation: /y\r\nTrailer: X-T\r\nContent-Length: 2\r\n\r\nok';
      const response = await worker.raw(get(version));
      t.match(response, /^HTTP\/1\.1 302 Found\r\nLocation: \/y\r\n[^]*\r\n\r\nok$/, version);
      t.notMatch(response, /trailer/i, 'it announces nothing');
      script =
        'HTTP/1.1 200 OK\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n';
      t.match(await worker.raw(get(version)), /^HTTP\/1\.1 200 OK\r\n[^]*ok/, version);
      script = 'HTTP/1.1 204 No Content\r\nTrailer: X-T\r\n\r\n';
      t.match(await worker.raw(get(version)), /^HTTP\/1\.1 204 No Content\r\n/, version);
      script = 'HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n';
      t.match(await worker.raw(get(version)), /^HTTP\/1\.1 999 X\r\n/, version);
    }
    script = 'HTTP/1.1 200 OK\r\nTrailer: X-T\r\nContent-Length: 2\r\n\r\n';
    const head = 'HEAD / HTTP/1.1\r\nHost: links.example.com\r\nConnection: close\r\n\r\n';
    t.match(await worker.raw(head), /^HTTP\/1\.1 200 OK\r\n/);
  },
);
