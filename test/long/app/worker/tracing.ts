import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startTracing } from '../../../../src/app/worker/tracing.ts';
import { systemClock } from '../../../../src/core/platform/clock.ts';
import { recorder } from '../../../helpers/recorder.ts';
import { createEventBus } from '../../../../src/core/events.ts';
import { clickHttp1 } from '../../../helpers/click.ts';
import { collector } from '../../../helpers/collector.ts';
import { linkgate, writeConfig } from '../../../helpers/linkgate.ts';
import { localRoot } from '../../../helpers/local-root.ts';
import { tempDir } from '../../../helpers/temp-dir.ts';
import { tracker, type Tracker } from '../../../helpers/tracker.ts';
import { until } from '../../../helpers/until.ts';

const DOMAIN = 'links.example.com';

t.test('an endpoint that cannot be used is an event, and has no other effect', async (t) => {
  const { emit, of } = recorder();
  const events = createEventBus(() => undefined);
  const options = { events, emit, clock: systemClock };
  t.equal(await startTracing({ ...options, env: {} }), undefined);
  t.strictSame(of('part.failed'), []);
  t.equal(await startTracing({ ...options, env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'nowhere' } }), undefined);
  t.match(of('part.failed'), [{ part: 'traces', error: { code: 'ERR_CONFIG_INVALID' } }]);
  const CERTIFICATE = { OTEL_EXPORTER_OTLP_CERTIFICATE: '/absent' };
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', ...CERTIFICATE };
  t.equal(await startTracing({ ...options, env }), undefined);
  t.match(of('part.failed')[1], { error: { code: 'ENOENT' } });
});

/** Runs the built command, clicks once, ends it; every file of `dist/` that each of its processes loaded, as V8 tells it. */
const loadedBy = async (t: Test, home: Tracker, env: NodeJS.ProcessEnv): Promise<readonly string[][]> => {
  const folder = tempDir(t);
  const coverage = join(folder, 'coverage');
  const config = writeConfig(folder, {
    listen: { https: '127.0.0.1:0', http: '127.0.0.1:0', admin: '127.0.0.1:0' },
    upstream: { url: home.url, serverName: home.serverName, caFile: home.caFile },
    certificates: { storage: { path: join(folder, 'certs') }, issuers: [{ type: 'local' }] },
    domains: [{ name: DOMAIN }],
    workers: 1,
  });
  const proxy = linkgate(t, ['run', '--config', config], { NODE_V8_COVERAGE: coverage, ...env });
  const port = await proxy.port('https');
  await proxy.line(({ event }) => event === 'certificate.issued');
  const click = (): Promise<string> =>
    clickHttp1({ port, domain: DOMAIN, ca: localRoot(join(folder, 'certs')), path: '/e/c/secret' });
  await until('it is served', () => click().then((answer) => answer.includes(' 302 ')), 60_000);
  proxy.process.kill('SIGTERM');
  t.equal(await proxy.ended, 0);
  return readdirSync(coverage).map((file) =>
    (JSON.parse(readFileSync(join(coverage, file), 'utf8')) as { result: { url: string }[] }).result
      .map(({ url }) => url)
      .filter((url) => url.includes('/dist/')),
  );
};

t.test('without the variable no process loads the tracing; with it a real click is a span', async (t) => {
  const home = await tracker(t);
  const isTracing = (url: string): boolean => /\/observe\/traces\/[^/]+\.js$/.test(url);
  const without = await loadedBy(t, home, { OTEL_EXPORTER_OTLP_ENDPOINT: '' });
  t.ok(
    without.some((files) => files.some((url) => url.endsWith('/app/worker/worker.js'))),
    'a worker was looked at',
  );
  t.strictSame(without.flat().filter(isTracing), []);

  const seen = await collector(t);
  const loaded = await loadedBy(t, home, { OTEL_EXPORTER_OTLP_ENDPOINT: seen.url });
  t.equal(loaded.flat().filter(isTracing).length, 3, 'by the worker alone');
  t.strictSame(seen.refused, []);
  t.match(
    seen.spans.at(-1),
    { name: 'GET click', attributes: { 'server.address': DOMAIN } },
    'at the latest when it ends',
  );
  t.notMatch(JSON.stringify(seen.bodies), 'secret');
});
