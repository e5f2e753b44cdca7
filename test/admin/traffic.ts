import t from 'tap';
import { createTraffic, SAMPLE_MS, SAMPLES } from '../../src/admin/traffic.ts';
import { createDurations } from '../../src/observe/metrics/durations.ts';
import { fakeClock } from '../helpers/fake-clock.ts';

/** A worker's counts, as they come over the wire. */
const worker = () => {
  const durations = createDurations({
    name: 'linkgate_request_duration_seconds',
    help: '',
    buckets: [0.01, 0.1, 1],
    label: { name: 'kind', values: ['click', 'open'] },
  });
  return {
    observe: (seconds: number, times = 1): void => {
      for (let done = 0; done < times; done += 1) durations.observe(done % 2, seconds);
    },
    snapshot: (): unknown => structuredClone([{ name: 'other', values: [] }, durations.get()]),
  };
};

const start = () => {
  const clock = fakeClock();
  const traffic = createTraffic(clock);
  const over = new AbortController();
  void traffic.keep(over.signal);
  return { clock, traffic, over };
};

t.test('rate and times between two samples, all workers together', async (t) => {
  const { clock, traffic, over } = start();
  const [one, two] = [worker(), worker()];
  one.observe(0.05, 40);
  one.observe(0.5, 10);
  traffic.received(1, one.snapshot());
  two.observe(0.05, 10);
  traffic.received(2, two.snapshot());
  await clock.advance(SAMPLE_MS);
  t.match(traffic.samples(), [{ atMs: clock.now(), perSecond: 4 }]);
  const [sample] = traffic.samples();
  t.ok(sample?.medianMs !== undefined && sample.medianMs > 10 && sample.medianMs < 100);
  t.ok(sample?.slowMs !== undefined && sample.slowMs > 100 && sample.slowMs < 1_000);
  one.observe(0.005, 30);
  traffic.received(1, one.snapshot());
  traffic.received(1, one.snapshot());
  traffic.received(2, two.snapshot());
  await clock.advance(SAMPLE_MS);
  t.equal(traffic.samples()[1]?.perSecond, 2, 'what was counted before is not counted again');
  await clock.advance(SAMPLE_MS);
  t.match(traffic.samples()[2], { perSecond: 0, medianMs: undefined, slowMs: undefined });
  over.abort();
});

t.test('a worker that ends takes nothing back, and one of a new number begins at nothing', async (t) => {
  const { clock, traffic, over } = start();
  const one = worker();
  one.observe(0.05, 15);
  traffic.received(1, one.snapshot());
  traffic.workerExited(1);
  const two = worker();
  two.observe(5, 15);
  traffic.received(2, two.snapshot());
  await clock.advance(SAMPLE_MS);
  t.match(traffic.samples(), [{ perSecond: 2, slowMs: 1_000 }], 'above the last bound is the last bound');
  over.abort();
});

t.test('an hour and no more; rubbish counts nothing', async (t) => {
  const { clock, traffic, over } = start();
  for (const odd of [undefined, null, 7, {}, [null], [{ name: 'linkgate_request_duration_seconds' }], [7]]) {
    traffic.received(1, odd);
  }
  await clock.advance(SAMPLE_MS * (SAMPLES + 10));
  t.equal(traffic.samples().length, SAMPLES);
  t.equal(traffic.samples().at(-1)?.atMs, clock.now());
  t.ok(traffic.samples().every(({ perSecond }) => perSecond === 0));
  over.abort();
  await clock.advance(SAMPLE_MS);
  t.equal(traffic.samples().at(-1)?.atMs, clock.now() - SAMPLE_MS, 'it is over');
});
