import { connect, type Socket } from 'node:net';
import t from 'tap';
import { serve } from '../../helpers/serve.ts';
import { tracker } from '../../helpers/tracker.ts';
import { until } from '../../helpers/until.ts';

const opened = (port: number): Promise<Socket> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.on('error', () => undefined);
  });
const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    socket.resume();
    socket.once('close', () => resolve());
  });
const GET = 'GET / HTTP/1.1\r\nHost: links.example.com\r\nConnection: close\r\n\r\n';

for (const [reason, limits] of [
  ['total', { connections: 3 }],
  ['address', { connectionsPerAddress: 3 }],
] as const) {
  t.test(
    `above the ceiling (${reason}) a new connection is closed unread; a place that is freed serves again`,
    async (t) => {
      const worker = await serve(t, { tracker: await tracker(t), limits });
      const held = [
        await opened(worker.httpPort),
        await opened(worker.httpsPort),
        await opened(worker.httpPort),
      ];
      t.equal(await worker.raw(GET, { plain: true }), '');
      t.equal((await worker.next('connection.refused')).reason, reason);
      t.equal(worker.listeners.connections(), 3);
      const [first] = held;
      if (first !== undefined) {
        const gone = closed(first);
        first.destroy();
        await gone;
      }
      while (worker.listeners.connections() > 2) await new Promise((resolve) => setImmediate(resolve));
      t.match(await worker.raw(GET, { plain: true }), /^HTTP\/1\.1 302 /);
      for (const socket of held) socket.destroy();
    },
  );
}

t.test('a trusted proxy is many clients', async (t) => {
  const limits = { connectionsPerAddress: 1 };
  const worker = await serve(t, { tracker: await tracker(t), limits, trustedProxies: ['127.0.0.1'] });
  const held = [await opened(worker.httpPort), await opened(worker.httpPort)];
  t.match(await worker.raw(GET, { plain: true }), /^HTTP\/1\.1 302 /);
  for (const socket of held) socket.destroy();
});

t.test('clients behind a PROXY protocol have the limit of their own address', async (t) => {
  const limits = { connectionsPerAddress: 1 };
  const proxyProtocol = { http: ['127.0.0.1'], https: ['127.0.0.1'] };
  const worker = await serve(t, { tracker: await tracker(t), limits, proxyProtocol });
  const from = (address: string): string => `PROXY TCP4 ${address} 10.0.0.1 4711 80\r\n`;
  const held = await opened(worker.httpPort);
  held.write(from('203.0.113.9'));
  const refused = await opened(worker.httpPort);
  await until('the first is taken', () => worker.listeners.connections() === 2);
  const gone = closed(refused);
  refused.write(from('203.0.113.9'));
  await gone;
  t.same(worker.heard('connection.refused'), [{ listener: 'http', reason: 'address' }]);
  t.match(
    await worker.raw(from('203.0.113.10') + GET, { plain: true }),
    /^HTTP\/1\.1 302 /,
    'another client',
  );
  const over = closed(held);
  held.destroy();
  await over;
  await until('its place is free', () => worker.listeners.connections() === 0);
  t.match(await worker.raw(from('203.0.113.9') + GET, { plain: true }), /^HTTP\/1\.1 302 /);
});

/** As many connections as `count` to each port that never finish what they began, and the end of all of them. */
const slowOnes = async (ports: { readonly httpsPort: number; readonly httpPort: number }, count: number) => {
  const sockets: Socket[] = [];
  const gone: Promise<void>[] = [];
  for (let i = 0; i < count; i += 1) {
    const silent = await opened(ports.httpsPort);
    const half = await opened(ports.httpPort);
    half.write('POST / HTTP/1.1\r\nHost: links.example.com\r\nContent-Length: 9\r\n\r\nx');
    sockets.push(silent, half);
    // at once: on a busy machine the first may go before the last comes
    gone.push(closed(silent), closed(half));
  }
  return { sockets, gone };
};
const limitsOf = (ms: number) => ({ headersMs: ms, requestMs: ms, tlsHandshakeMs: ms });

t.test('slow and silent connections do not keep others waiting', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t), limits: limitsOf(200_000) });
  const { sockets } = await slowOnes(worker, 150);
  t.match(await worker.raw(GET), /^HTTP\/1\.1 302 /);
  t.equal(sockets.filter(({ destroyed }) => !destroyed).length, 300, 'answered while they were there');
  for (const socket of sockets) socket.destroy();
});

t.test('slow and silent connections end at their time limit', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t), limits: limitsOf(500) });
  const lenient = await serve(t, { tracker: await tracker(t), limits: limitsOf(60_000) });
  const others = await slowOnes(lenient, 1);
  const { gone } = await slowOnes(worker, 50);
  const first = await Promise.race([
    Promise.all(gone).then(() => 'in their time'),
    Promise.race(others.gone).then(() => 'later than where they may stay for a minute'),
  ]);
  t.equal(first, 'in their time');
  await until('none is left', () => worker.listeners.connections() === 0);
  for (const socket of others.sockets) socket.destroy();
});
