import { register, Registry } from 'prom-client';
import t from 'tap';
import { CATALOGUE, CONFIGURED, type MetricName } from '../../../src/observe/metrics/catalogue.ts';
import { createWorkerMetrics } from '../../../src/observe/metrics/worker-metrics.ts';
import { createSupervisorMetrics } from '../../../src/observe/metrics/supervisor-metrics.ts';
import { buildMetrics, labelledNames, seconds, takeSnapshot } from '../../../src/observe/metrics/metrics.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { strictBus as createBus } from '../../helpers/metrics-text.ts';

t.test('both sides together are the catalogue, and nothing is registered globally', async (t) => {
  const events = createBus();
  const worker = createWorkerMetrics({ events, domains: [] });
  const supervisor = createSupervisorMetrics({
    events,
    version: '1',
    clock: fakeClock(),
    domains: [],
    certificates: () => [],
  });
  const names = [...(await worker.snapshot()), ...(await supervisor.snapshot())].map(({ name }) => name);
  t.strictSame([...new Set(names)].toSorted(), Object.keys(CATALOGUE).toSorted());
  const twice = names.filter((name, index) => names.indexOf(name) < index);
  const both = Object.entries(CATALOGUE).filter(([, { side }]) => side === 'both');
  t.strictSame(twice.toSorted(), both.map(([name]) => name).toSorted());
  t.strictSame(register.getMetricsAsArray(), []);
});

t.test('a counter with one label of fixed values begins at 0 for each of them', async (t) => {
  const registry = new Registry();
  buildMetrics('worker', registry);
  for (const { name, type, values } of await takeSnapshot(registry)) {
    const { labels } = CATALOGUE[name as MetricName];
    const [only, ...others] = Object.entries(labels);
    if (String(type) !== 'counter' || others.length > 0 || only === undefined || only[1] === CONFIGURED)
      continue;
    const [label, wanted] = only;
    t.strictSame(
      values.map(({ labels, value }) => [labels[label], value]),
      [...wanted].map((value) => [value, 0]),
      name,
    );
  }
});

t.test('seconds add up exactly in any order', (t) => {
  const all = [100, 200, 300].map(seconds);
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
  t.equal(sum(all), sum(all.toReversed()));
  t.ok(Math.abs(seconds(1_500) - 1.5) < 1e-6);
  t.end();
});

t.test('names keep their label as long as there is room', (t) => {
  t.strictSame([...labelledNames(['b', 'c', 'd'], ['a'], 3)], ['a', 'b', 'c']);
  t.strictSame([...labelledNames(['b'], ['a'], 1)], ['a']);
  t.end();
});
