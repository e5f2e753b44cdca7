import t from 'tap';
import { DEFAULT_LIMITS, withDefaults } from '../../src/serve/limits.ts';

t.test('what is told changes, the rest stays', (t) => {
  t.same(withDefaults({ bodyBytes: 5 }), { ...DEFAULT_LIMITS, bodyBytes: 5 });
  t.same(withDefaults(), DEFAULT_LIMITS);
  t.ok(Object.isFrozen(withDefaults()));
  t.end();
});

t.test('the defaults are those of the documentation', (t) => {
  t.same(DEFAULT_LIMITS, {
    headerBytes: 16_384,
    headerFields: 100,
    bodyBytes: 1_048_576,
    tlsHandshakeMs: 10_000,
    headersMs: 10_000,
    requestMs: 30_000,
    keepAliveMs: 65_000,
    writeIdleMs: 30_000,
    requestsPerConnection: 10_000,
    connections: 20_000,
    connectionsPerAddress: 1_000,
    http2Streams: 100,
    http2ResetBurst: 200,
    http2ResetsPerSecond: 30,
    upstreamQueue: 1_024,
    upstreamBodyMs: 30_000,
    upstreamIdleMs: 30_000,
    upstreamConnectionMs: 300_000,
  });
  t.end();
});

t.test('the defaults fit each other', (t) => {
  for (const [name, value] of Object.entries(DEFAULT_LIMITS))
    t.ok(Number.isInteger(value) && value > 0, name);
  t.ok(DEFAULT_LIMITS.headersMs <= DEFAULT_LIMITS.requestMs);
  t.ok(DEFAULT_LIMITS.connectionsPerAddress < DEFAULT_LIMITS.connections);
  t.end();
});
