// Preflight and connection together: one deadline, and what is told of how it went.

import { createSecureContext } from 'node:tls';
import t from 'tap';
import type { Events } from '../../../src/core/events.ts';
import { withDefaults } from '../../../src/serve/limits.ts';
import type { Resolved } from '../../../src/serve/upstream/addresses/resolve-addresses.ts';
import { createUpstream } from '../../../src/serve/upstream/upstream.ts';
import { createUpstreamConnect } from '../../../src/serve/upstream/connect.ts';
import { pause } from '../../helpers/pause.ts';
import { tracker } from '../../helpers/tracker.ts';

const at = (...addresses: string[]): Promise<Resolved> =>
  Promise.resolve({ ipv4: { addresses, ttlMs: 0 }, ipv6: { addresses: [], ttlMs: 0 } });

t.test(
  'a look that hangs ends with the time of the connection; failures are counted until one succeeds',
  async (t) => {
    const good = await tracker(t);
    const told: Events['upstream.resolved'][] = [];
    let answer: () => Promise<Resolved> = () => new Promise(() => undefined);
    const make = (): ReturnType<typeof createUpstreamConnect> =>
      createUpstreamConnect({
        settings: { id: 'us', origin: `https://tracker.test:${good.port}`, serverName: good.serverName },
        timeoutMs: 200,
        secureContext: createSecureContext({ ca: good.caPem }),
        resolve: () => answer(),
        emit: (_name, event) => told.push(event as Events['upstream.resolved']),
      });
    const hanging = make();
    await t.rejects(hanging.connect(), {
      code: 'ERR_UPSTREAM_UNREACHABLE',
      message: /"tracker\.test" was not found in 200 ms/,
    });
    t.match(hanging.contact(), { failures: 1, connectedMs: 0 });

    const connector = make();
    answer = () => Promise.reject(new Error('SERVFAIL'));
    await t.rejects(connector.connect(), { message: 'SERVFAIL' });
    await t.rejects(connector.connect(), { message: 'SERVFAIL' });
    const failed = { upstream: 'us', result: 'failed', cause: 'SERVFAIL' };
    t.same(told, [failed, failed]);
    t.equal(connector.contact().failures, 2);
    answer = () => at('127.0.0.1');
    const { socket, address } = await connector.connect();
    socket.destroy();
    t.equal(address, '127.0.0.1');
    t.equal(connector.contact().failures, 0);
    t.ok(connector.contact().connectedMs > 0);
    t.ok(connector.isCurrent('127.0.0.1'));
    t.notOk(connector.isCurrent('127.0.0.2'));
    connector.close();
    await t.rejects(connector.connect(), { code: 'ERR_UPSTREAM_UNREACHABLE' });
  },
);

t.test(
  'a tracker that moves is followed: kept connections to its old address carry nothing new',
  async (t) => {
    const before = await tracker(t);
    const after = await tracker(t, { host: '127.0.0.9', port: before.port });
    let address = '127.0.0.1';
    let looks = 0;
    const upstream = createUpstream(
      { ...before, id: 'us', origin: `https://tracker.test:${before.port}` },
      { connectTimeoutMs: 2_000, responseTimeoutMs: 2_000, maxConnections: 4 },
      withDefaults(),
      {
        resolve: () => {
          looks += 1;
          return at(address);
        },
      },
    );
    t.teardown(() => upstream.destroy());
    const click = (): Promise<number> =>
      new Promise((resolve, reject) => {
        let status = 0;
        upstream.dispatch(
          { method: 'GET', target: '/', fields: ['Host', 'links.example.com'], body: undefined },
          {
            onControl: () => undefined,
            onInform: () => undefined,
            onHead: (code) => (status = code),
            onData: () => true,
            onEnd: () => resolve(status),
            onError: reject,
          },
        );
      });
    t.equal(await click(), 302);
    t.equal(await click(), 302);
    t.equal(before.requests.length, 2);
    address = '127.0.0.9';
    // five seconds is the shortest time an answer holds
    const end = performance.now() + 12_000;
    while (after.requests.length === 0 && performance.now() < end) {
      t.equal(await click(), 302);
      await pause(100);
    }
    t.equal(after.requests.length, 1);
    t.equal(looks, 2);
    t.equal(before.connections(), 1);
  },
);
