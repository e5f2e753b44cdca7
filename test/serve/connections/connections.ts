import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import t from 'tap';
import { ask, serve } from '../../helpers/serve.ts';
import { redirectAnswer, tracker } from '../../helpers/tracker.ts';
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

const CEILINGS = [
  ['total', { connections: 3 }],
  ['address', { connectionsPerAddress: 3 }],
] as const;

for (const [reason, limits] of CEILINGS) {
  t.test(
    `at the ceiling (${reason}) a new connection is closed unread while all others are busy`,
    async (t) => {
      const held: (() => void)[] = [];
      const seen = await tracker(t, {
        answer: (...args) => void held.push(() => redirectAnswer(...args)),
      });
      const worker = await serve(t, { tracker: seen, limits });
      const session = await worker.h2();
      const clicks = [
        worker.raw(GET),
        worker.raw(GET, { plain: true }),
        ask(session, { ':path': '/e/c/x' }).then(({ status }) => `HTTP/1.1 ${status} `),
      ];
      await until('all are at the tracker', () => held.length === 3);
      t.equal(await worker.raw(GET, { plain: true }), '');
      t.equal((await worker.next('connection.refused')).reason, reason);
      t.equal(worker.listeners.connections(), 3);
      for (const release of held.splice(0)) release();
      for (const click of clicks) t.match(await click, /^HTTP\/1\.1 302 /);
      const next = worker.raw(GET, { plain: true });
      await until('a place that is freed serves again', () => held.length === 1);
      for (const release of held) release();
      t.match(await next, /^HTTP\/1\.1 302 /);
    },
  );

  t.test(`at the ceiling (${reason}) the connection that was idle longest makes room`, async (t) => {
    const worker = await serve(t, { tracker: await tracker(t), limits });
    const session = await worker.h2();
    const kept = await worker.tls('links.example.com');
    const silent = await opened(worker.httpPort);
    await until('all are there', () => worker.listeners.connections() === 3);
    const ends = [once(silent, 'close'), once(session, 'close'), once(kept, 'close')];
    silent.resume();
    // both are older than the silent one, and were used since
    t.match(await ask(session, {}), { status: 302 });
    const response = once(kept, 'data');
    kept.write(GET.replace('Connection: close\r\n', ''));
    await response;
    kept.resume();
    const held: Socket[] = [];
    const gone = ends.map((end, i) => end.then(() => i));
    for (const i of [0, 1, 2]) {
      held.push(await opened(worker.httpPort));
      t.equal(await Promise.race(gone.slice(i)), i, 'silent, then HTTP/2, then HTTP/1');
    }
    t.match(await worker.raw(GET, { plain: true }), /^HTTP\/1\.1 302 /, 'a click is served');
    t.same(new Set(worker.heard('connection.refused').map(({ reason }) => reason)), new Set(['idle']));
    for (const socket of held) socket.destroy();
    await until('the counts are right', () => worker.listeners.connections() === 0);
  });
}

t.test('with few places left an idle connection goes before its time', async (t) => {
  const limits = { connections: 8, keepAliveMs: 1_500 };
  const worker = await serve(t, { tracker: await tracker(t), limits });
  const held: Socket[] = [];
  while (held.length < 7) held.push(await opened(worker.httpPort));
  await until('all are there', () => worker.listeners.connections() === 7);
  const first = held[0]?.resume();
  await until('the first is closed for a new one', async () => {
    (await opened(worker.httpPort)).destroy();
    return first?.destroyed === true;
  });
  t.ok(worker.listeners.connections() < 8, 'places were free');
  t.match(worker.heard('connection.refused').slice(0, 1), [{ listener: 'http', reason: 'idle' }]);
  for (const socket of held) socket.destroy();
});

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
  const seen = await tracker(t, {
    answer: (request, response, rest) =>
      request.url === '/held' ? undefined : redirectAnswer(request, response, rest),
  });
  const worker = await serve(t, { tracker: seen, limits, proxyProtocol });
  const from = (address: string): string => `PROXY TCP4 ${address} 10.0.0.1 4711 80\r\n`;
  const held = await opened(worker.httpPort);
  held.write(`${from('203.0.113.9')}GET /held HTTP/1.1\r\nHost: links.example.com\r\n\r\n`);
  await until('it is busy', () => seen.requests.length === 1);
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
