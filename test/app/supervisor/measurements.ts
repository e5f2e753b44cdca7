import t from 'tap';
import { Measurements } from '../../../src/app/supervisor/measurements.ts';
import { systemClock } from '../../../src/core/platform/clock.ts';
import { createWorkerMetrics } from '../../../src/observe/metrics/worker-metrics.ts';
import { strictBus } from '../../helpers/metrics-text.ts';

const CLICKS = 'linkgate_clicks_total{domain="links.example.com",kind="click",code="3xx"}';

t.test('counts of workers stand next to those of the supervisor, and outlive the worker', async (t) => {
  const events = strictBus();
  const worker = createWorkerMetrics({
    events,
    domains: ['links.example.com'],
    tlsContexts: () => ({ cached: 0, loading: 0 }),
    upstreamConnections: () => ({ active: 0, idle: 0, connecting: 0 }),
    queuedRequests: () => 0,
    requestsInFlight: () => 0,
    connections: () => ({ https: { h1: 0, h2: 0, none: 0 }, http: { h1: 0, h2: 0, none: 0 } }),
  });
  const measurements = new Measurements({
    events: strictBus(),
    version: '1.2.3',
    clock: systemClock,
    domains: [{ name: 'links.example.com', upstream: 'us', redirectHttp: false }],
    measure: () => Promise.reject(new Error('gone')),
    certificates: () => [],
  });
  measurements.workerStarted(1);
  events.emit('request.completed', {
    id: 'a',
    domain: 'links.example.com',
    listener: 'https',
    httpVersion: '1.1',
    method: 'GET',
    target: '/e/c/x/y',
    status: 302,
    bytes: 0,
    durationMs: 5,
    complete: true,
  });
  measurements.received(1, structuredClone(await worker.snapshot()));
  measurements.workerExited(1);
  const { text } = await measurements.page();
  t.match(text, `${CLICKS} 1\n`);
  t.match(text, 'version="1.2.3"');
  t.match((await measurements.days()).get('links.example.com'), [{ kinds: { click: 1 } }]);
});
