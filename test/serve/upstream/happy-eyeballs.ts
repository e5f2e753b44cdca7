// Several addresses, of which some refuse, say nothing, or show the wrong certificate: real sockets on 127.0.0.0/8.

import { createServer, type AddressInfo } from 'node:net';
import { createSecureContext, createServer as createTlsServer } from 'node:tls';
import t, { type Test } from 'tap';
import { createHappyEyeballs, type ConnectToFirst } from '../../../src/serve/upstream/happy-eyeballs.ts';
import { pause } from '../../helpers/pause.ts';
import { createPki, sharedPki } from '../../helpers/pki.ts';
import { tracker, type Tracker } from '../../helpers/tracker.ts';
import { until } from '../../helpers/until.ts';

/** Takes connections at an address and never speaks; counts those that are open. */
const silent = async (t: Test, host: string, port: number): Promise<() => number> => {
  let open = 0;
  const server = createServer((socket) => {
    open += 1;
    socket.on('error', () => undefined).on('close', () => (open -= 1));
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  t.teardown(() => server.close());
  return () => open;
};
const connector = (t: Test, { port, serverName, caPem }: Tracker): ConnectToFirst => {
  const connect = createHappyEyeballs({
    port,
    serverName,
    secureContext: createSecureContext({ ca: caPem }),
  });
  return async (...request) => {
    const connected = await connect(...request);
    t.teardown(() => connected.socket.destroy());
    return connected;
  };
};
const bounds = (timeoutMs = 3_000): { timeoutMs: number; signal: AbortSignal } => ({
  timeoutMs,
  signal: new AbortController().signal,
});
const timed = async <T>(work: Promise<T>): Promise<{ ms: number; result: T }> => {
  const before = performance.now();
  const result = await work;
  return { ms: performance.now() - before, result };
};

/** of five: whatever else runs on the machine makes some of them slow */
const fastest = async <T>(work: () => Promise<T>): Promise<{ ms: number; result: T }> => {
  let best = await timed(work());
  for (let more = 0; more < 4; more += 1) {
    const next = await timed(work());
    if (next.ms < best.ms) best = next;
  }
  return best;
};

t.test(
  'an address that refuses costs nothing, one that is silent 250 ms, and the loser is closed',
  async (t) => {
    const good = await tracker(t);
    const open = await silent(t, '127.0.0.3', good.port);
    const connect = connector(t, good);
    const refused = await fastest(() => connector(t, good)(['127.0.0.2', '::1', '127.0.0.1'], bounds()));
    t.equal(refused.result.address, '127.0.0.1');
    t.ok(refused.ms < 240, `at once: ${refused.ms} ms`);
    const late = await timed(connect(['127.0.0.3', '127.0.0.1'], bounds()));
    t.equal(late.result.address, '127.0.0.1');
    t.ok(late.ms >= 240 && late.ms < 3_000, `${late.ms} ms`);
    t.ok(late.result.socket.authorized);
    t.equal(late.result.socket.alpnProtocol === 'h2', false);
    await until('the loser is closed', () => open() === 0);
    const next = await fastest(() => connect(['127.0.0.3', '127.0.0.1'], bounds()));
    t.ok(next.ms < 240, `it goes to the end of the line for a while: ${next.ms} ms`);
  },
);

t.test('a wrong certificate is a failed address, never a connection', async (t) => {
  const good = await tracker(t);
  const stranger = await tracker(t, { host: '127.0.0.4', port: good.port, pki: createPki() });
  const connect = connector(t, good);
  t.equal((await connect(['127.0.0.4', '127.0.0.1'], bounds())).address, '127.0.0.1');
  await t.rejects(connect(['127.0.0.4'], bounds()), { code: /SELF_SIGNED|UNABLE|SIGNATURE/ });
  t.same(stranger.requests, []);
});

t.test(
  'when all fail each is named; when all are silent the time ends it, and nothing stays open',
  async (t) => {
    const good = await tracker(t);
    const connect = connector(t, good);
    const error = await connect(['127.0.0.2', '127.0.0.5'], bounds()).catch(
      (cause: unknown) => cause as Error,
    );
    t.match(error, { message: /127\.0\.0\.2.*; .*127\.0\.0\.5/ });
    t.type(error, AggregateError);
    const { port } = createServer().listen(0).unref().address() as AddressInfo;
    t.ok(port);
    const open = [await silent(t, '127.0.0.6', good.port), await silent(t, '127.0.0.7', good.port)];
    const before = performance.now();
    await t.rejects(connect(['127.0.0.6', '127.0.0.7'], bounds(500)), { code: 'ERR_UPSTREAM_UNREACHABLE' });
    const ms = performance.now() - before;
    t.ok(ms >= 480 && ms < 1_500, `${ms} ms for both together`);
    await until('both are closed', () => open.every((count) => count() === 0));
  },
);

t.test('who closes ends what is under way, and starts nothing more', async (t) => {
  const good = await tracker(t);
  const open = await silent(t, '127.0.0.8', good.port);
  const connect = connector(t, good);
  const ending = new AbortController();
  const waiting = connect(['127.0.0.8'], { timeoutMs: 60_000, signal: ending.signal });
  await until('it is tried', () => open() === 1);
  ending.abort();
  await t.rejects(waiting, { code: 'ERR_UPSTREAM_UNREACHABLE' });
  await until('it is closed', () => open() === 0);
  await t.rejects(connect(['127.0.0.1'], { timeoutMs: 1_000, signal: ending.signal }));
  t.equal(good.connections(), 0);
});

t.test('a second connection resumes the TLS session of the first', async (t) => {
  const good = await tracker(t);
  const connect = connector(t, good);
  const first = await connect(['127.0.0.1'], bounds());
  t.notOk(first.socket.isSessionReused());
  await until('the ticket is here', async () => {
    const { socket } = await connect(['127.0.0.1'], bounds());
    return socket.isSessionReused();
  });
});

t.test('no session of a connection that failed verification is ever offered', async (t) => {
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const pki = sharedPki('tracker');
    const right = pki.leaf(['e.customeriomail.com']);
    const wrong = pki.leaf(['other.example']);
    let shown = wrong;
    const resumed: boolean[] = [];
    const server = createTlsServer({ SNICallback: (_name, done) => done(null, shown.context), maxVersion });
    server.on('secureConnection', (socket) => {
      resumed.push(socket.isSessionReused());
      socket.on('error', () => undefined);
    });
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const serverName = 'e.customeriomail.com';
    const connect = createHappyEyeballs({
      port,
      serverName,
      secureContext: createSecureContext({ ca: pki.rootPem, maxVersion }),
    });
    const once = async (): Promise<string> => {
      try {
        const { socket } = await connect(['127.0.0.1'], bounds(20_000));
        // time for the tickets of TLS 1.3
        await pause(50);
        const isReused = socket.isSessionReused();
        socket.destroy();
        return isReused ? 'resumed' : 'full';
      } catch (error) {
        return String((error as { code?: string }).code);
      }
    };
    const refused = 'ERR_TLS_CERT_ALTNAME_INVALID';
    for (let i = 0; i < 6; i += 1) t.equal(await once(), refused, `${maxVersion}: another name, ${i}`);
    shown = right;
    t.equal(await once(), 'full', 'the right name, at once');
    t.equal(await once(), 'resumed', 'and its session is kept');
    shown = wrong;
    const after = await once();
    // one that was verified may be resumed: the key it stands for was the right one
    t.ok(after === 'resumed' || after === refused, after);
    server.close();
  }
});
