import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { AggregatorRegistry, Histogram, Registry, type Metric } from 'prom-client';
import t from 'tap';
import { createDurations, type Durations } from '../../../src/observe/metrics/durations.ts';
import { holds } from '../../helpers/property.ts';

const BUCKETS = [0.001, 0.01, 0.1, 1];
const KINDS = ['click', 'open', 'other'];
const common = { name: 'x_seconds', help: 'How long' };
const textOf = async (registry: Registry): Promise<string> =>
  AggregatorRegistry.aggregate([await registry.getMetricsAsJSON()]).metrics();
/** Bounds are floats with us, as OpenMetrics wants them. */
const withFloats = (text: string): string => text.replaceAll(/le="(\d+)"/g, 'le="$1.0"');
const registryWith = (durations: Durations): Registry => {
  const registry = new Registry();
  registry.registerMetric(durations as unknown as Metric);
  return registry;
};
const observations = fc.array(
  fc.tuple(
    fc.nat(KINDS.length - 1),
    fc.oneof(fc.constantFrom(...BUCKETS, 0, 7), fc.double({ min: 0, max: 40, noNaN: true })),
  ),
);

t.test('says what prom-client’s own histogram says, with a label', async (t) => {
  await holds(
    t,
    fc.asyncProperty(observations, async (all) => {
      const ours = createDurations({ ...common, buckets: BUCKETS, label: { name: 'kind', values: KINDS } });
      const registry = new Registry();
      const theirs = new Histogram({
        ...common,
        buckets: BUCKETS,
        labelNames: ['kind'],
        registers: [registry],
      });
      // children are shown in the order of the label's values, theirs in that of their first observation
      for (const [child, seconds] of all.toSorted(([a], [b]) => a - b)) {
        ours.observe(child, seconds);
        theirs.observe({ kind: KINDS[child] ?? '' }, seconds);
      }
      assert.equal(await textOf(registryWith(ours)), withFloats(await textOf(registry)));
    }),
  );
});

t.test('without a label it is there from the start', async (t) => {
  const ours = createDurations({ ...common, buckets: BUCKETS });
  const registry = new Registry();
  const theirs = new Histogram({ ...common, buckets: BUCKETS, registers: [registry] });
  t.equal(await textOf(registryWith(ours)), withFloats(await textOf(registry)));
  for (const seconds of [0.001, 0.0011, 5]) {
    ours.observe(0, seconds);
    theirs.observe(seconds);
  }
  t.equal(await textOf(registryWith(ours)), withFloats(await textOf(registry)));
});

t.test('what is no number, or nobody’s, counts nowhere', (t) => {
  const ours = createDurations({ ...common, buckets: BUCKETS });
  ours.observe(0, NaN);
  ours.observe(0, Infinity);
  ours.observe(1, 1);
  ours.observe(-1, 1);
  t.match(ours.get().values.at(-1), { metricName: 'x_seconds_count', value: 0 });
  t.end();
});
