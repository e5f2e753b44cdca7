// Which request takes which connection: real trackers that are slow, refuse, hang, or close after each response.

import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import t, { type Test } from 'tap';
import type { Connected } from '../../../src/serve/upstream/happy-eyeballs.ts';
import { createHappyEyeballs } from '../../../src/serve/upstream/happy-eyeballs.ts';
import { Attempt } from '../../../src/serve/upstream/attempt.ts';
import { Pool, type PoolOptions } from '../../../src/serve/upstream/pool.ts';
import { onRequestHead, scriptedTracker, type ScriptedTracker } from '../../helpers/tracker.ts';
import { pause } from '../../helpers/pause.ts';
import { until } from '../../helpers/until.ts';
import { upstreamTo, send, type Got } from '../../helpers/upstream-client.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

const answeringTracker = (t: Test, text = OK): Promise<ScriptedTracker> =>
  scriptedTracker(t, (socket) => onRequestHead(socket, () => void socket.write(text)));

/** Ends of a connect, one after the other as they are asked for; the last one goes on. */
type Connect = (number: number) => Promise<'open'>;

interface Pooled {
  readonly pool: Pool;
  /** connects that were begun */
  connects(): number;
  send(target: string): Promise<string>;
}

/** A pool whose connects the test decides about; what opens, opens to a real tracker. */
const poolTo = async (t: Test, permit: Connect, options: Partial<PoolOptions['use']> = {}, text?: string) => {
  const target = await answeringTracker(t, text);
  const { port } = new URL(target.url);
  const open = createHappyEyeballs({
    port: Number(port),
    serverName: target.serverName,
    secureContext: createSecureContext({ ca: target.caPem }),
  });
  let connects = 0;
  const connector = {
    connect: async (): Promise<Connected> => {
      connects += 1;
      await permit(connects);
      return open(['127.0.0.1'], { timeoutMs: 20_000, signal: new AbortController().signal });
    },
    isCurrent: () => true,
  };
  const pool = new Pool({
    use: { connectTimeoutMs: 60_000, maxConnections: 100, ...options },
    limits: { upstreamIdleMs: 30_000, upstreamConnectionMs: 300_000 },
    connector,
    onWaited: () => undefined,
  });
  t.teardown(() => pool.destroy());
  const pooled: Pooled = {
    pool,
    connects: () => connects,
    send: (target) =>
      new Promise((resolve) => {
        const listener = {
          onControl: () => undefined,
          onInform: () => undefined,
          onHead: () => undefined,
          onData: () => true,
          onEnd: () => resolve('whole'),
          onError: ({ message }: Error) => resolve(message),
        };
        const request = { method: 'GET', target, fields: ['Host', 'a'], body: undefined };
        pool.take(new Attempt(request, listener, pool));
      }),
  };
  return pooled;
};

const many = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));
const countOf = (all: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const one of all) counts[one] = (counts[one] ?? 0) + 1;
  return counts;
};

t.test('100 at once on a cold worker, and handshakes of a second: all are answered', async (t) => {
  const target = await answeringTracker(t);
  let [now, most] = [0, 0];
  // stands between, and holds each connection back for a second
  const slow = createServer((socket: Socket) => {
    now += 1;
    most = Math.max(most, now);
    socket.on('error', () => undefined);
    setTimeout(() => {
      now -= 1;
      const below = connect(Number(new URL(target.url).port), '127.0.0.1');
      socket.pipe(below).pipe(socket);
      below.on('error', () => socket.destroy());
      socket.on('close', () => below.destroy());
    }, 1_000);
  });
  await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
  t.teardown(() => slow.close());
  const { port } = slow.address() as AddressInfo;
  const upstream = upstreamTo(
    t,
    { ...target, url: `https://127.0.0.1:${port}` },
    { use: { maxConnections: 128 } },
  );
  const all = many(100, (i) => send(upstream, 'a', { target: `/${i}` }));
  t.match(upstream.counts(), { active: 8, waiting: 92, connecting: 8, open: 0 });
  const got: Got[] = await Promise.all(all);
  t.strictSame(
    got.filter(({ status, error }) => status !== 200 || error !== undefined),
    [],
  );
  t.ok(most <= 8, `${most} connections at once were being made`);
  await until('none is being made', () => upstream.counts().connecting === 0);
  t.match(upstream.counts(), { active: 0, waiting: 0 });
});

t.test(
  'all connects are refused: each request has its error, and no more connects than requests',
  async (t) => {
    const { pool, connects, send: ask } = await poolTo(t, () => Promise.reject(new Error('refused')));
    t.strictSame(countOf(await Promise.all(many(100, (i) => ask(`/${i}`)))), { refused: 100 });
    t.ok(connects() <= 100, `${connects()} connects`);
    t.match(pool.counts(), { active: 0, waiting: 0, connecting: 0, open: 0 });
  },
);

t.test('all connects hang until their time: nobody waits for longer than two of them', async (t) => {
  const hang = async (): Promise<'open'> => {
    await pause(300);
    throw new Error('late');
  };
  const { connects, send: ask } = await poolTo(t, hang, { connectTimeoutMs: 300 });
  t.strictSame(countOf(await Promise.all(many(100, (i) => ask(`/${i}`)))), { late: 100 });
  t.ok(connects() <= 24, `${connects()} connects`);
});

t.test('a connect that fails fails nobody whom another connection can serve', async (t) => {
  for (const [what, works] of [
    ['every second one', (number: number) => number % 2 === 0],
    ['the last of the first eight', (number: number) => number === 8],
    ['the first', (number: number) => number === 1],
  ] as const) {
    const permit = async (number: number): Promise<'open'> => {
      // those that fail do so while the others are under way
      if (!works(number)) throw new Error('refused');
      await pause(50);
      return 'open';
    };
    const { pool, send: ask } = await poolTo(t, permit);
    t.strictSame(countOf(await Promise.all(many(8, (i) => ask(`/${i}`)))), { whole: 8 }, what);
    t.match(pool.counts(), { waiting: 0, active: 0 });
  }
});

t.test('a request that waits takes a freed connection when its own connect hangs', async (t) => {
  const permit: Connect = (number) => (number === 1 ? Promise.resolve('open') : new Promise(() => undefined));
  const { pool, send: ask } = await poolTo(t, permit);
  t.strictSame(countOf(await Promise.all(many(50, (i) => ask(`/${i}`)))), { whole: 50 });
  t.match(pool.counts(), { open: 1, idle: 1 });
});

t.test(
  'a tracker that closes after each response: all are served, and connects may fail in between',
  async (t) => {
    const closing = OK.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n');
    const always = await poolTo(t, () => Promise.resolve('open'), { maxConnections: 3 }, closing);
    t.strictSame(countOf(await Promise.all(many(20, (i) => always.send(`/${i}`)))), { whole: 20 });
    let failed = 0;
    const sometimes = (number: number): Promise<'open'> => {
      if (number % 3 !== 0) return Promise.resolve('open');
      failed += 1;
      return Promise.reject(new Error('refused'));
    };
    const { pool, send: ask } = await poolTo(t, sometimes, { maxConnections: 3 }, closing);
    const got = countOf(await Promise.all(many(30, (i) => ask(`/${i}`))));
    t.equal((got['whole'] ?? 0) + (got['refused'] ?? 0), 30);
    t.ok((got['refused'] ?? 0) <= failed);
    t.match(pool.counts(), { active: 0, waiting: 0 });
  },
);

t.test('idle connections close after their time, and after the time the tracker tells', async (t) => {
  for (const [limits, text] of [
    [{ upstreamIdleMs: 100 }, OK],
    [{}, OK.replace('\r\n\r\n', '\r\nKeep-Alive: timeout=2\r\n\r\n')],
  ] as const) {
    const upstream = upstreamTo(t, await answeringTracker(t, text), { limits });
    await send(upstream, 'a');
    t.ok(upstream.counts().idle > 0);
    await until('all are closed', () => upstream.counts().open === 0);
  }
});

t.test('a pool that ends fails who waits, and closes what opens later', async (t) => {
  let open: (() => void) | undefined;
  const permit = (): Promise<'open'> => new Promise((resolve) => (open = () => resolve('open')));
  const { pool, send: ask } = await poolTo(t, permit);
  const waiting = ask('/');
  await pool.destroy();
  t.equal(await waiting, 'upstream is closing');
  open?.();
  await until('it is closed', () => pool.counts().connecting === 0);
  t.match(pool.counts(), { open: 0, idle: 0 });
});
