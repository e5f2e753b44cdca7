import t from 'tap';
import { createWorkerMetrics } from '../../../src/observe/metrics/worker-metrics.ts';
import { completed as click, read, strictBus as createBus } from '../../helpers/metrics-text.ts';

t.test('clicks by name, kind and class of status', async (t) => {
  const events = createBus();
  const metrics = createWorkerMetrics({ events, domains: ['links.example.com', 'b.example'] });
  click(events.emit, {});
  click(events.emit, { status: 301, upstreamMs: 5 });
  click(events.emit, { domain: 'b.example', target: '/e/o/x', status: 200 });
  click(events.emit, { status: 499 });
  click(events.emit, { status: 0 });
  click(events.emit, { status: NaN });
  const found = await read(metrics);
  const count = (domain: string, kind: string, code: string): number | undefined =>
    found.get(`linkgate_clicks_total{domain="${domain}",kind="${kind}",code="${code}"}`);
  t.equal(count('links.example.com', 'click', '3xx'), 2);
  t.equal(count('b.example', 'open', '2xx'), 1);
  t.equal(count('links.example.com', 'click', '4xx'), 1);
  t.equal(count('links.example.com', 'click', '5xx'), 2, 'what is no status is an error');
  t.equal(found.get('linkgate_request_duration_seconds_count{kind="click"}'), 5);
  t.equal(found.get('linkgate_upstream_duration_seconds_count'), 1);
  t.ok(Math.abs((found.get('linkgate_upstream_duration_seconds_sum') ?? 0) - 0.005) < 1e-6, 'in seconds');
});

t.test('a reload: names that were there keep their label, new ones get what is left', async (t) => {
  const events = createBus();
  const metrics = createWorkerMetrics({ events, domains: ['a.example', 'b.example'], domainLabelLimit: 3 });
  click(events.emit, { domain: 'a.example' });
  metrics.setDomains(['b.example', 'c.example', 'd.example']);
  for (const domain of ['b.example', 'c.example', 'd.example']) click(events.emit, { domain });
  const found = await read(metrics);
  const labels = ['a.example', 'b.example', 'c.example', '_other'];
  const counts = labels.map((label) =>
    found.get(`linkgate_clicks_total{domain="${label}",kind="click",code="3xx"}`),
  );
  t.strictSame(counts, [1, 1, 1, 1]);
});

t.test('names past the limit share a label', async (t) => {
  const events = createBus();
  const metrics = createWorkerMetrics({
    events,
    domains: ['a.example', 'b.example', 'c.example'],
    domainLabelLimit: 2,
  });
  for (const domain of ['c.example', 'b.example', 'a.example', 'd.example', '__proto__'])
    click(events.emit, { domain });
  const found = await read(metrics);
  t.strictSame([...found].filter(([name]) => name.startsWith('linkgate_clicks_total')).toSorted(), [
    ['linkgate_clicks_total{domain="_other",kind="click",code="3xx"}', 3],
    ['linkgate_clicks_total{domain="a.example",kind="click",code="3xx"}', 1],
    ['linkgate_clicks_total{domain="b.example",kind="click",code="3xx"}', 1],
  ]);
});

t.test('refusals, upstream errors, handshakes and the context cache', async (t) => {
  const events = createBus();
  const metrics = createWorkerMetrics({ events, domains: [], tlsContexts: () => ({ cached: 7 }) });
  t.equal(
    (await read(metrics)).get('linkgate_upstream_errors_total{reason="timeout"}'),
    0,
    'known before the first',
  );
  t.equal(
    (await read(metrics)).get(
      'linkgate_tls_handshakes_total{result="untrusted",version="none",resumed="false"}',
    ),
    0,
    'so are failed handshakes',
  );
  events.emit('request.refused', { listener: 'https', code: 'ERR_REQUEST_BODY_TOO_LARGE', status: 413 });
  events.emit('upstream.failed', { upstream: 'us', code: 'ERR_UPSTREAM_TLS', cause: 'x' });
  events.emit('handshake.completed', { version: 'TLSv1.3', resumed: true });
  events.emit('handshake.failed', { reason: 'unknown-name' });
  events.emit('context.looked', { result: 'hit' });
  const found = await read(metrics);
  for (const name of [
    'linkgate_rejected_total{reason="body-too-large"}',
    'linkgate_upstream_errors_total{reason="tls"}',
    'linkgate_tls_handshakes_total{result="ok",version="TLSv1.3",resumed="true"}',
    'linkgate_tls_handshakes_total{result="unknown-name",version="none",resumed="false"}',
    'linkgate_tls_context_lookups_total{result="hit"}',
  ]) {
    t.equal(found.get(name), 1, name);
  }
  t.equal(found.get('linkgate_tls_contexts{state="cached"}'), 7);
});

t.test('stop ends the counting', async (t) => {
  const events = createBus();
  const metrics = createWorkerMetrics({ events, domains: [] });
  metrics.stop();
  click(events.emit, {});
  t.notOk([...(await read(metrics)).keys()].some((name) => name.startsWith('linkgate_clicks_total')));
});

t.test('a snapshot stays as it was taken', async (t) => {
  const events = createBus();
  const metrics = createWorkerMetrics({ events, domains: [] });
  click(events.emit, {});
  const before = await metrics.snapshot();
  const copy = structuredClone(before);
  click(events.emit, {});
  t.strictSame(before, copy);
});

t.test('a click costs little', async (t) => {
  const events = createBus();
  createWorkerMetrics({ events, domains: ['links.example.com'] });
  const rounds = 50_000;
  const begin = performance.now();
  for (let i = 0; i < rounds; i += 1) click(events.emit, { upstreamMs: i % 500 });
  const microseconds = ((performance.now() - begin) * 1000) / rounds;
  t.ok(
    microseconds < 50,
    `${microseconds.toFixed(2)} µs a click (the ceiling leaves room for a busy machine)`,
  );
});

t.test('what was kept waiting, loaded, pushed out and drained', async (t) => {
  const events = createBus();
  const metrics = createWorkerMetrics({ events, domains: [] });
  events.emit('upstream.waited', { upstream: 'us', waitMs: 20 });
  events.emit('context.loaded', { durationMs: 2 });
  events.emit('context.evicted', {});
  events.emit('worker.drained', { cut: 0 });
  events.emit('worker.drained', { cut: 3 });
  const found = await read(metrics);
  t.equal(found.get('linkgate_upstream_queue_wait_seconds_bucket{le="0.01"}'), 0);
  t.equal(found.get('linkgate_upstream_queue_wait_seconds_bucket{le="0.025"}'), 1);
  t.equal(found.get('linkgate_tls_context_load_duration_seconds_count'), 1);
  t.equal(found.get('linkgate_tls_context_evictions_total'), 1);
  t.equal(found.get('linkgate_worker_drains_total{result="finished"}'), 1);
  t.equal(found.get('linkgate_worker_drains_total{result="cut"}'), 1);
});

t.test('gauges are asked for at each snapshot', async (t) => {
  let inFlight = 3;
  const metrics = createWorkerMetrics({
    events: createBus(),
    domains: [],
    tlsContexts: () => ({ cached: 7, loading: 1 }),
    upstreamConnections: () => ({ active: 1, idle: 2, connecting: 0 }),
    queuedRequests: () => 4,
    requestsInFlight: () => inFlight,
    connections: () => ({ https: { h1: 5, h2: 6, none: 1 }, http: { h1: 2, h2: 0, none: 0 } }),
  });
  const found = await read(metrics);
  t.equal(found.get('linkgate_tls_contexts{state="loading"}'), 1);
  t.equal(found.get('linkgate_upstream_connections{state="idle"}'), 2);
  t.equal(found.get('linkgate_upstream_queued_requests'), 4);
  t.equal(found.get('linkgate_requests_in_flight'), 3);
  t.equal(found.get('linkgate_connections{listener="https",protocol="h2"}'), 6);
  t.equal(found.get('linkgate_connections{listener="http",protocol="h1"}'), 2);
  inFlight = 0;
  t.equal((await read(metrics)).get('linkgate_requests_in_flight'), 0);
});
