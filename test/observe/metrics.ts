import { AggregatorRegistry, register } from 'prom-client';
import t from 'tap';
import type { CertificateStatus } from '../../src/core/certificate-state.ts';
import { createEventBus } from '../../src/core/events.ts';
import type { Emit, EventBus, Events } from '../../src/core/events.ts';
import { CATALOGUE } from '../../src/observe/catalogue.ts';
import { createGateMetrics, createKeeperMetrics } from '../../src/observe/metrics.ts';
import type { Metrics } from '../../src/observe/metrics.ts';
import { samples } from '../helpers/metrics-text.ts';

const createBus = (): EventBus =>
  createEventBus((name, error) => {
    throw new Error(`a listener of ${name} failed`, { cause: error });
  });

const read = async (metrics: Metrics): Promise<Map<string, number>> => {
  const snapshot = await metrics.snapshot();
  // as it reaches the keeper
  return samples(await AggregatorRegistry.aggregate([JSON.parse(JSON.stringify(snapshot))]).metrics());
};

const click = (emit: Emit, part: Partial<Events['request.completed']>): void =>
  emit('request.completed', {
    id: 'i',
    domain: 'links.example.com',
    listener: 'https',
    httpVersion: '1.1',
    method: 'GET',
    target: '/e/c/x/y',
    status: 302,
    bytes: 0,
    durationMs: 7,
    complete: true,
    ...part,
  });

t.test('clicks by name, kind and class of status', async (t) => {
  const events = createBus();
  const metrics = createGateMetrics({ events, domains: ['links.example.com', 'b.example'] });
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
  const metrics = createGateMetrics({ events, domains: ['a.example', 'b.example'], domainLabelLimit: 3 });
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
  const metrics = createGateMetrics({
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
  const metrics = createGateMetrics({ events, domains: [], tlsContexts: () => ({ cached: 7 }) });
  t.equal(
    (await read(metrics)).get('linkgate_upstream_errors_total{reason="timeout"}'),
    0,
    'known before the first',
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

const certificate = (domain: string, part: Partial<CertificateStatus>): CertificateStatus => ({
  domain,
  state: 'live',
  source: 'acme',
  issuer: 'letsencrypt',
  serial: '01',
  notBefore: '2026-01-01T00:00:00.000Z',
  notAfter: '2026-04-01T00:00:00.000Z',
  nextAttempt: null,
  lastProblem: null,
  ...part,
});

t.test('certificates by state and end', async (t) => {
  let statuses: CertificateStatus[] = [];
  let broken = false;
  const metrics = createKeeperMetrics({
    events: createBus(),
    version: '1.2.3',
    domains: ['a.example', 'b.example'],
    domainLabelLimit: 1,
    certificates: async () => {
      if (broken) throw new Error('storage gone');
      return statuses;
    },
  });
  const none = await read(metrics);
  t.equal(none.get('linkgate_certificates{state="live"}'), 0);
  t.notOk(none.has('linkgate_certificate_soonest_expiry_seconds'), 'no end while there is no certificate');
  t.equal(none.get(`linkgate_build_info{version="1.2.3",node="${process.version}"}`), 1);

  statuses = [
    certificate('a.example', {}),
    certificate('b.example', { notAfter: '2026-03-01T00:00:00.000Z' }),
    certificate('c.example', { notAfter: '2026-02-01T00:00:00.000Z' }),
    certificate('d.example', { state: 'pending', notAfter: null }),
    certificate('e.example', { state: 'retired', notAfter: '2020-01-01T00:00:00.000Z' }),
  ];
  const some = await read(metrics);
  t.equal(some.get('linkgate_certificates{state="live"}'), 3);
  t.equal(some.get('linkgate_certificates{state="pending"}'), 1);
  const end = (domain: string): number | undefined =>
    some.get(`linkgate_certificate_not_after_seconds{domain="${domain}"}`);
  t.equal(end('a.example'), Date.UTC(2026, 3, 1) / 1000);
  t.equal(end('_other'), Date.UTC(2026, 1, 1) / 1000, 'the soonest of those without a label');
  t.equal(end('b.example'), undefined);
  t.equal(some.get('linkgate_certificate_soonest_expiry_seconds'), Date.UTC(2026, 1, 1) / 1000);

  broken = true;
  t.strictSame(await read(metrics), some, 'a storage that fails leaves what was known');

  broken = false;
  statuses = [];
  t.strictSame(await read(metrics), none, 'a name that is gone leaves no figure behind');
});

t.test('orders and gates', async (t) => {
  const events = createBus();
  const metrics = createKeeperMetrics({ events, version: '1', domains: [], certificates: () => [] });
  events.emit('order.completed', { issuer: 'letsencrypt', result: 'issued', durationMs: 3000 });
  events.emit('order.completed', { issuer: 'letsencrypt', result: 'failed', durationMs: 100 });
  for (const pid of [1, 2, 3]) events.emit('gate.started', { pid });
  events.emit('gate.exited', { pid: 1, exitCode: null, signal: 'SIGKILL', expected: false });
  events.emit('gate.exited', { pid: 2, exitCode: 0, signal: null, expected: true });
  const found = await read(metrics);
  t.equal(found.get('linkgate_acme_orders_total{issuer="letsencrypt",result="issued"}'), 1);
  t.ok(Math.abs((found.get('linkgate_acme_order_duration_seconds_sum') ?? 0) - 3.1) < 1e-5);
  t.equal(found.get('linkgate_acme_order_duration_seconds_bucket{le="1"}'), 1);
  t.equal(found.get('linkgate_acme_order_duration_seconds_bucket{le="5"}'), 2);
  t.equal(found.get('linkgate_workers'), 1);
  t.equal(found.get('linkgate_gate_restarts_total'), 1);
});

t.test('both sides together are the catalogue, and nothing is registered globally', async (t) => {
  const events = createBus();
  const gate = createGateMetrics({ events, domains: [] });
  const keeper = createKeeperMetrics({ events, version: '1', domains: [], certificates: () => [] });
  const names = [...(await gate.snapshot()), ...(await keeper.snapshot())].map(({ name }) => name);
  t.strictSame(names.toSorted(), Object.keys(CATALOGUE).toSorted());
  t.strictSame(register.getMetricsAsArray(), []);
});

t.test('stop ends the counting', async (t) => {
  const events = createBus();
  const metrics = createGateMetrics({ events, domains: [] });
  metrics.stop();
  click(events.emit, {});
  t.notOk([...(await read(metrics)).keys()].some((name) => name.startsWith('linkgate_clicks_total')));
});

t.test('a snapshot stays as it was taken', async (t) => {
  const events = createBus();
  const metrics = createGateMetrics({ events, domains: [] });
  click(events.emit, {});
  const before = await metrics.snapshot();
  const copy = structuredClone(before);
  click(events.emit, {});
  t.strictSame(before, copy);
});

t.test('a click costs little', async (t) => {
  const events = createBus();
  createGateMetrics({ events, domains: ['links.example.com'] });
  const rounds = 50_000;
  const begin = performance.now();
  for (let i = 0; i < rounds; i += 1) click(events.emit, { upstreamMs: i % 500 });
  const microseconds = ((performance.now() - begin) * 1000) / rounds;
  t.ok(
    microseconds < 50,
    `${microseconds.toFixed(2)} µs a click (the ceiling leaves room for a busy machine)`,
  );
});
