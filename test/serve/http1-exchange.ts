import { connect, createServer, type AddressInfo } from 'node:net';
import t from 'tap';
import { closeLingering } from '../../src/serve/http1-exchange.ts';
import { gather, serve } from '../helpers/serve.ts';
import { onRequestHead, scriptedTracker } from '../helpers/tracker.ts';

t.test('closing reads on, so that the last answer is not lost to a reset', async (t) => {
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

t.test('a client that never stops sending is cut all the same', async (t) => {
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
  const before = performance.now();
  await new Promise((resolve) => socket.on('close', resolve));
  clearInterval(timer);
  t.ok(performance.now() - before < 3_000);
});

t.test('a head that stays alone is sent at once', async (t) => {
  const upstream = await scriptedTracker(t, (socket) =>
    onRequestHead(socket, () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n')),
  );
  const gate = await serve(t, { tracker: upstream });
  const answer = await gate.raw('GET / HTTP/1.1\r\nHost: links.example.com\r\n\r\n', { until: /\r\n\r\n/ });
  t.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
});
