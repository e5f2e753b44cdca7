// A real Prometheus scrapes a running linkgate under clicks: every documented series is there, promtool has nothing to say
// against them, every query of the dashboard has an answer, and the alert rules are looked at without an error.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createNameStates } from '../../../src/cert/state/name-state.ts';
import { createCertificateStore } from '../../../src/cert/state/store.ts';
import { systemClock } from '../../../src/core/platform/clock.ts';
import { CATALOGUE, CONFIGURED, type MetricName } from '../../../src/observe/metrics/catalogue.ts';
import { createFileStorage } from '../../../src/storage/file.ts';
import { clickHttp1, clickHttp2 } from '../../helpers/click.ts';
import { asSent, dashboardQueries } from '../../helpers/dashboard.ts';
import { linkgate, writeConfig, type Running } from '../../helpers/linkgate.ts';
import { localRoot } from '../../helpers/local-root.ts';
import { needs } from '../../helpers/needs.ts';
import { createPki } from '../../helpers/pki.ts';
import { prometheus, type PrometheusServer } from '../../helpers/prometheus.ts';
import { metricOf } from '../../helpers/promql.ts';
import { tempDir } from '../../helpers/temp-dir.ts';
import { redirectAnswer, tracker } from '../../helpers/tracker.ts';
import { until } from '../../helpers/until.ts';

const DOMAIN = 'links.example.com';
/** its certificate is from an ACME CA that has told when to renew it */
const RENEWED = 'renewed.example.com';
const DAY_MS = 86_400_000;
const PATHS = [
  '/e/c/x',
  '/e/o/x',
  '/unsubscribe/x',
  '/deliveries/x',
  '/manage_subscription_preferences/x',
  '/',
];
/** the tracker breaks off */
const BROKEN = '/e/c/broken';

/** A certificate that an ACME CA gave, with its renewalInfo, as the last process left it. */
const storeRenewed = async (path: string): Promise<void> => {
  const nowMs = Date.now();
  const storage = createFileStorage({ path, clock: systemClock });
  await storage.open();
  const store = createCertificateStore({ storage });
  const validity = { notBeforeMs: nowMs - DAY_MS, notAfterMs: nowMs + 89 * DAY_MS };
  const leaf = createPki().leaf([RENEWED], validity);
  const origin = { source: 'acme', issuer: 'ca', directory: 'https://127.0.0.1:1/ca' } as const;
  const { fingerprint } = await store.write(RENEWED, { ...leaf, ...origin });
  const renewal = {
    fingerprint,
    windowStartMs: nowMs + 50 * DAY_MS,
    windowEndMs: nowMs + 55 * DAY_MS,
    askAgainMs: nowMs + DAY_MS / 2,
  };
  await createNameStates({ storage, store, clock: systemClock }).update(RENEWED, {}, () => ({
    failures: 0,
    nextAttemptMs: 0,
    lastIssuedMs: nowMs - DAY_MS,
    lastProblem: null,
    renewal,
  }));
};

/** One linkgate whose first CA is down, with one connection to a tracker that takes its time. */
const start = async (t: Test): Promise<{ proxy: Running; storage: string }> => {
  const folder = tempDir(t);
  const storage = join(folder, 'certs');
  const home = await tracker(t, {
    answer: (request, response, seen) => {
      if (seen.target === BROKEN) response.destroy();
      else setTimeout(() => redirectAnswer(request, response, seen), 20);
    },
  });
  await storeRenewed(storage);
  const config = writeConfig(folder, {
    listen: { https: '127.0.0.1:0', http: '127.0.0.1:0', admin: '127.0.0.1:0' },
    upstream: { url: home.url, serverName: home.serverName, caFile: home.caFile, maxConnections: 1 },
    certificates: {
      storage: { type: 'file', path: storage },
      issuers: [
        { type: 'acme', directory: 'https://127.0.0.1:1/directory', email: 'a@example.com' },
        { type: 'local' },
      ],
    },
    domains: [{ name: DOMAIN }, { name: RENEWED }],
    workers: 1,
  });
  const proxy = linkgate(t, ['run', '--config', config]);
  await proxy.line((line) => line.message === 'certificate issued' && line['domain'] === DOMAIN);
  return { proxy, storage };
};

/** Clicks of all kinds until the test ends, in bursts that find the one connection taken. */
const keepClicking = async (t: Test, proxy: Running, storage: string): Promise<void> => {
  const port = await proxy.port('https');
  const ca = localRoot(storage);
  const open = new Set<Promise<unknown>>();
  const burst = (): void => {
    const clicks = Promise.allSettled([
      ...[...PATHS, BROKEN].map((path) => clickHttp1({ port, domain: DOMAIN, ca, path })),
      clickHttp1({ port, domain: 'stranger.example.org', ca, path: '/' }),
    ]).finally(() => open.delete(clicks));
    open.add(clicks);
  };
  await until('a click over HTTP/2', () => clickHttp2(t, { port, domain: DOMAIN, ca, path: '/e/c/h2' }));
  const timer = setInterval(burst, 400);
  t.teardown(async () => {
    clearInterval(timer);
    await Promise.all(open);
  });
};

const checkSeries = async (t: Test, server: PrometheusServer): Promise<void> => {
  const all = (await server.api('/api/v1/series', {
    'match[]': '{__name__=~"linkgate_.+"}',
  })) as readonly Readonly<Record<string, string>>[];
  const found = new Set(all.map(({ __name__ = '' }) => __name__));
  for (const [name, { type }] of Object.entries(CATALOGUE)) {
    const wanted = type === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => name + end) : [name];
    for (const series of wanted) t.ok(found.has(series), `${series} is in Prometheus`);
  }
  for (const { __name__: series = '', job: _job, instance: _instance, le: _le, ...labels } of all) {
    const name = metricOf(series);
    if (name === undefined) {
      t.fail(`${series} is documented nowhere`);
      continue;
    }
    const known = CATALOGUE[name].labels as Readonly<Record<string, readonly string[] | typeof CONFIGURED>>;
    t.strictSame(Object.keys(labels).toSorted(), Object.keys(known).toSorted(), `labels of ${series}`);
    for (const [label, value] of Object.entries(labels)) {
      const values = known[label] ?? [];
      t.ok(values === CONFIGURED || values.includes(value), `${series}{${label}="${value}"} is documented`);
    }
  }
  for (const [name, { type, labels }] of Object.entries(CATALOGUE)) {
    const [[label, values] = [], ...others] = Object.entries(labels);
    if (type !== 'counter' || others.length > 0 || label === undefined) continue;
    if (values === undefined || values === CONFIGURED) continue;
    const seen = all.filter(({ __name__ }) => __name__ === name).map((series) => series[label]);
    t.strictSame(seen.toSorted(), [...values].toSorted(), `${name} begins with every ${label}`);
  }
};

const checkHelp = async (t: Test, server: PrometheusServer): Promise<void> => {
  const metadata = (await server.api('/api/v1/metadata')) as Readonly<
    Record<string, readonly { readonly type: string; readonly help: string }[] | undefined>
  >;
  for (const [name, { type, help }] of Object.entries(CATALOGUE)) {
    // as OpenMetrics calls a counter
    const told = metadata[type === 'counter' ? name.replace(/_total$/, '') : name]?.[0];
    t.match(told, { type, help }, `type and help of ${name}`);
  }
};

const checkWithPromtool = async (t: Test, url: string): Promise<void> => {
  const input = await (await fetch(url)).text();
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
  t.equal(status, 0, 'promtool check metrics');
  t.equal(stdout + stderr, '', 'and it has nothing to remark');
};

t.test('under clicks', { skip: needs('prometheus') || needs('promtool'), timeout: 180_000 }, async (t) => {
  const { proxy, storage } = await start(t);
  const admin = `127.0.0.1:${await proxy.port('admin')}`;
  await keepClicking(t, proxy, storage);
  const server = await prometheus(t, admin);
  const has = (expression: string): Promise<unknown> =>
    until(expression, async () => (await server.query(expression)).length > 0, 60_000);
  await has('linkgate_clicks_total > 5');

  proxy.process.kill('SIGHUP');
  proxy.process.kill('SIGUSR2');
  await has('linkgate_worker_drains_total{result="finished"} > 0');
  for (const wanted of [
    `linkgate_clicks_total{domain="${DOMAIN}",kind="click",code="3xx"} > 0`,
    'linkgate_upstream_errors_total{reason="invalid"} > 0',
    'linkgate_upstream_queue_wait_seconds_count > 0',
    'linkgate_tls_handshakes_total{result="unknown-name"} > 0',
    'linkgate_acme_failures_total{type="unreachable"} > 0',
    'linkgate_issuer_healthy == 0',
    'linkgate_acme_orders_left == Inf',
    'linkgate_config_reloads_total{result="ok"} == 1',
    'linkgate_ari_windows{state="ahead"} == 1',
    'linkgate_certificate_first_issue_seconds_count == 1',
    'linkgate_ready == 1',
    'linkgate_process_resident_memory_bytes{process="worker"} > 1e7',
  ])
    await has(wanted);

  await checkSeries(t, server);
  await checkHelp(t, server);
  await checkWithPromtool(t, `http://${admin}/metrics`);

  for (const { panel, expr } of dashboardQueries) {
    const samples = await server.query(asSent(expr));
    // two metrics that both have nothing to say here: the only one whose limit is known is a public CA
    if (panel === 'Orders left') t.strictSame(samples, [], panel);
    else t.ok(samples.length > 0, `${panel}: ${expr}`);
  }

  const { groups } = (await server.api('/api/v1/rules')) as {
    readonly groups: readonly {
      readonly rules: readonly { readonly name: string; readonly health: string }[];
    }[];
  };
  const rules = groups.flatMap((group) => group.rules);
  t.ok(rules.length > 0);
  for (const { name, health } of rules) t.equal(health, 'ok', name);
  const names = Object.keys(CATALOGUE) as MetricName[];
  t.comment(`${names.length} metrics, ${dashboardQueries.length} queries`);
});
