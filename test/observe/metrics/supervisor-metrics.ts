import t from 'tap';
import type { CertificateStatus, RenewalFigures } from '../../../src/core/certificate-state.ts';
import type { Events } from '../../../src/core/events.ts';
import {
  createSupervisorMetrics,
  type SupervisorMetricsOptions,
} from '../../../src/observe/metrics/supervisor-metrics.ts';
import type { Metrics } from '../../../src/observe/metrics/metrics.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { read, strictBus as createBus } from '../../helpers/metrics-text.ts';

const create = (part: Partial<SupervisorMetricsOptions> = {}): Metrics =>
  createSupervisorMetrics({
    events: createBus(),
    version: '1.2.3',
    clock: fakeClock(),
    domains: [],
    certificates: () => [],
    ...part,
  });

/** a process’s own figures move between two looks */
const certificatesOf = async (metrics: Metrics): Promise<Map<string, number>> =>
  new Map([...(await read(metrics))].filter(([name]) => name.startsWith('linkgate_certificate')));

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
  const metrics = create({
    domains: ['a.example', 'b.example'],
    domainLabelLimit: 1,
    certificates: async () => {
      if (broken) throw new Error('storage gone');
      return statuses;
    },
  });
  const none = await certificatesOf(metrics);
  t.equal(none.get('linkgate_certificates{state="live"}'), 0);
  t.notOk(none.has('linkgate_certificate_soonest_expiry_seconds'), 'no end while there is no certificate');
  t.equal((await read(metrics)).get(`linkgate_build_info{version="1.2.3",node="${process.version}"}`), 1);

  statuses = [
    certificate('a.example', {}),
    certificate('b.example', { notAfter: '2026-03-01T00:00:00.000Z' }),
    certificate('c.example', { notAfter: '2026-02-01T00:00:00.000Z' }),
    certificate('d.example', { state: 'pending', notAfter: null }),
    certificate('e.example', { state: 'retired', notAfter: '2020-01-01T00:00:00.000Z' }),
  ];
  const some = await certificatesOf(metrics);
  t.equal(some.get('linkgate_certificates{state="live"}'), 3);
  t.equal(some.get('linkgate_certificates{state="pending"}'), 1);
  const end = (domain: string): number | undefined =>
    some.get(`linkgate_certificate_not_after_seconds{domain="${domain}"}`);
  t.equal(end('a.example'), Date.UTC(2026, 3, 1) / 1000);
  t.equal(end('_other'), Date.UTC(2026, 1, 1) / 1000, 'the soonest of those without a label');
  t.equal(end('b.example'), undefined);
  t.equal(some.get('linkgate_certificate_soonest_expiry_seconds'), Date.UTC(2026, 1, 1) / 1000);

  broken = true;
  t.strictSame(await certificatesOf(metrics), some, 'a storage that fails leaves what was known');

  broken = false;
  statuses = [];
  t.strictSame(await certificatesOf(metrics), none, 'a name that is gone leaves no figure behind');
});

t.test('orders and workers', async (t) => {
  const events = createBus();
  const metrics = create({ events });
  events.emit('order.completed', { issuer: 'letsencrypt', result: 'issued', durationMs: 3000 });
  events.emit('order.completed', { issuer: 'letsencrypt', result: 'failed', durationMs: 100 });
  for (const pid of [1, 2, 3]) events.emit('worker.started', { pid });
  events.emit('worker.exited', { pid: 1, exitCode: null, signal: 'SIGKILL', expected: false });
  events.emit('worker.exited', { pid: 2, exitCode: 0, signal: null, expected: true });
  const found = await read(metrics);
  t.equal(found.get('linkgate_acme_orders_total{issuer="letsencrypt",result="issued"}'), 1);
  t.ok(Math.abs((found.get('linkgate_acme_order_duration_seconds_sum') ?? 0) - 3.1) < 1e-5);
  t.equal(found.get('linkgate_acme_order_duration_seconds_bucket{le="1.0"}'), 1);
  t.equal(found.get('linkgate_acme_order_duration_seconds_bucket{le="5.0"}'), 2);
  t.equal(found.get('linkgate_workers'), 1);
  t.equal(found.get('linkgate_worker_restarts_total'), 1);
});

t.test(
  'failed orders by the word of the CA, else by ours; nothing a CA makes up becomes a label',
  async (t) => {
    const events = createBus();
    const metrics = create({ events });
    const fail = (part: Partial<Events['order.completed']>): void =>
      events.emit('order.completed', { issuer: 'a', result: 'failed', durationMs: 1, ...part });
    fail({ code: 'ERR_ACME_UNAUTHORIZED', problemType: 'urn:ietf:params:acme:error:dns' });
    fail({ code: 'ERR_ACME_REFUSED', problemType: 'urn:ietf:params:acme:error:made-up' });
    fail({ code: 'ERR_ACME_REFUSED', problemType: 'about:blank' });
    fail({ code: 'ERR_ACME_RATE_LIMITED', problemType: 'own-limit' });
    fail({ code: 'ERR_ACME_UNREACHABLE' });
    fail({ code: 'ERR_CERT_INVALID' });
    fail({ code: 'ERR_INTERNAL' });
    fail({});
    const found = await read(metrics);
    const counted = [...found].flatMap(([name, value]) => {
      const type = /^linkgate_acme_failures_total{issuer="a",type="(.*)"}$/.exec(name)?.[1];
      return type === undefined ? [] : [[type, value]];
    });
    t.strictSame(Object.fromEntries(counted), {
      dns: 1,
      _other: 3,
      refused: 1,
      'own-limit': 1,
      unreachable: 1,
      invalid: 1,
    });
  },
);

t.test('from a name in the configuration to its first certificate', async (t) => {
  const events = createBus();
  const clock = fakeClock();
  const metrics = create({ events, clock, domains: ['old.example'] });
  const issued = (domain: string, isFirst: boolean): void =>
    events.emit('certificate.issued', {
      domain,
      issuer: 'a',
      serial: '01',
      notAfterMs: 0,
      durationMs: 1,
      isFirst,
    });
  const sum = async (): Promise<number | undefined> =>
    (await read(metrics)).get('linkgate_certificate_first_issue_seconds_sum');
  await clock.advance(10_000);
  metrics.setDomains(['old.example', 'new.example']);
  await clock.advance(20_000);
  issued('old.example', false);
  t.equal(await sum(), 0, 'a renewal is none');
  issued('new.example', true);
  t.equal(await sum(), 20, 'from the reload that brought it');
  issued('old.example', true);
  t.equal(await sum(), 50, 'from the start of the program');
});

t.test('CAs, trackers, readiness and the runtime', async (t) => {
  const ready = { now: false };
  const metrics = create({
    isReady: () => ready.now,
    issuers: () => [
      { name: 'a', healthy: true, since: null, lastProblem: null, retryAt: null },
      { name: 'b', healthy: false, since: null, lastProblem: null, retryAt: null },
    ],
    ordersLeft: async () => [
      { issuer: 'a', left: 12, most: 300 },
      { issuer: 'b', left: Infinity, most: Infinity },
    ],
    upstreams: () => ({ us: true, eu: false }),
  });
  const found = await read(metrics);
  t.equal(found.get('linkgate_ready'), 0);
  t.equal(found.get('linkgate_issuer_healthy{issuer="a"}'), 1);
  t.equal(found.get('linkgate_issuer_healthy{issuer="b"}'), 0);
  t.equal(found.get('linkgate_acme_orders_total{issuer="b",result="failed"}'), 0, 'there before the first');
  t.equal(found.get('linkgate_acme_orders_left{issuer="a"}'), 12);
  t.equal(found.get('linkgate_acme_orders_limit{issuer="a"}'), 300);
  t.ok(
    Number.isNaN(found.get('linkgate_acme_orders_left{issuer="b"}')),
    '+Inf, which is no JavaScript number',
  );
  t.equal(found.get('linkgate_upstream_reachable{upstream="eu"}'), 0);
  t.ok(found.has('linkgate_runtime_supported'));
  t.equal(found.get('linkgate_process_start_time_seconds'), Date.UTC(2026, 0, 1) / 1000);
  ready.now = true;
  t.equal((await read(metrics)).get('linkgate_ready'), 1);
});

t.test('renewals and the windows of CAs', async (t) => {
  let figures: RenewalFigures = {
    windows: { ahead: 2, open: 1, past: 0, none: 3 },
    soonestWindowMs: 5_000,
    soonestRenewalMs: 4_000,
    latenessRatio: 0.01,
    leastRemainingRatio: 0.4,
  };
  const metrics = create({ renewals: () => figures });
  const some = await read(metrics);
  t.equal(some.get('linkgate_ari_windows{state="ahead"}'), 2);
  t.equal(some.get('linkgate_ari_soonest_start_seconds'), 5);
  t.equal(some.get('linkgate_certificate_soonest_renewal_seconds'), 4);
  t.equal(some.get('linkgate_certificate_renewal_lateness_ratio'), 0.01);
  t.equal(some.get('linkgate_certificate_least_remaining_ratio'), 0.4);
  figures = {
    windows: { ahead: 0, open: 0, past: 0, none: 0 },
    soonestWindowMs: undefined,
    soonestRenewalMs: undefined,
    latenessRatio: 0,
    leastRemainingRatio: undefined,
  };
  const none = await read(metrics);
  t.equal(none.get('linkgate_ari_windows{state="ahead"}'), 0);
  t.equal(none.get('linkgate_certificate_renewal_lateness_ratio'), 0);
  for (const name of ['ari_soonest_start_seconds', 'certificate_least_remaining_ratio']) {
    t.notOk(none.has(`linkgate_${name}`), name);
  }
});
