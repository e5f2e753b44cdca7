import * as fc from 'fast-check';
import t from 'tap';
import { createMetricsAggregate, type MetricsAggregate } from '../../../src/observe/metrics/aggregate.ts';
import { createWorkerMetrics } from '../../../src/observe/metrics/worker-metrics.ts';
import { createSupervisorMetrics } from '../../../src/observe/metrics/supervisor-metrics.ts';
import type { Metrics } from '../../../src/observe/metrics/metrics.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { samples, strictBus as createBus } from '../../helpers/metrics-text.ts';

const overTheWire = async (metrics: Metrics): Promise<unknown> =>
  JSON.parse(JSON.stringify(await metrics.snapshot()));

interface TestWorker {
  readonly metrics: Metrics;
  click(durationMs: number, domain?: string): void;
}

const createWorker = (): TestWorker => {
  const events = createBus();
  return {
    metrics: createWorkerMetrics({
      events,
      domains: ['a.example', 'b.example'],
      tlsContexts: () => ({ cached: 5 }),
    }),
    click: (durationMs, domain = 'a.example') =>
      events.emit('request.completed', {
        id: 'i',
        domain,
        listener: 'https',
        httpVersion: '1.1',
        method: 'GET',
        target: '/e/c/x',
        status: 302,
        bytes: 0,
        durationMs,
        upstreamMs: durationMs / 3,
        complete: true,
      }),
  };
};

const supervisor = (): Promise<Awaited<ReturnType<Metrics['snapshot']>>> =>
  createSupervisorMetrics({
    events: createBus(),
    version: '1',
    clock: fakeClock(),
    domains: [],
    certificates: () => [],
  }).snapshot();

const textOf = async (aggregate: MetricsAggregate): Promise<string> => (await aggregate.page()).text;

const CLICKS = 'linkgate_clicks_total{domain="a.example",kind="click",code="3xx"}';
const CONTEXTS = 'linkgate_tls_contexts{state="cached"}';

t.test('sums the workers and the supervisor and keeps what the dead had counted', async (t) => {
  const workers = new Map([
    [1, createWorker()],
    [2, createWorker()],
  ]);
  const aggregate = createMetricsAggregate({
    supervisor,
    clock: fakeClock(),
    ask: async (id) => overTheWire(workers.get(id)?.metrics ?? createWorker().metrics),
  });
  t.match(await textOf(aggregate), /^linkgate_build_info\{/m, 'works before the first worker');
  aggregate.workerStarted(1);
  aggregate.workerStarted(2);
  workers.get(1)?.click(1);
  workers.get(1)?.click(2);
  workers.get(2)?.click(3);
  let found = samples(await textOf(aggregate));
  t.equal(found.get(CLICKS), 3);
  t.equal(found.get(CONTEXTS), 10);
  t.equal(found.get('linkgate_request_duration_seconds_count{kind="click"}'), 3);

  aggregate.workerExited(1);
  aggregate.workerExited(1);
  found = samples(await textOf(aggregate));
  t.equal(found.get(CLICKS), 3, 'counters stay');
  t.equal(found.get('linkgate_request_duration_seconds_count{kind="click"}'), 3, 'histograms stay');
  t.equal(found.get(CONTEXTS), 5, 'gauges go');

  workers.set(3, createWorker());
  aggregate.workerStarted(3);
  workers.get(3)?.click(4);
  t.equal(samples(await textOf(aggregate)).get(CLICKS), 4, 'the one that replaces it adds to it');
});

t.test('a stuck worker is shown with what it said last, after the deadline', async (t) => {
  const clock = fakeClock();
  const [well, stuck] = [createWorker(), createWorker()];
  let signalled: AbortSignal | undefined;
  let asked = 0;
  const aggregate = createMetricsAggregate({
    supervisor,
    clock,
    deadlineMs: 700,
    ask: (id, signal) => {
      if (id === 1) return overTheWire(well.metrics);
      asked += 1;
      signalled = signal;
      return new Promise(() => undefined);
    },
  });
  aggregate.workerStarted(1);
  aggregate.workerStarted(2);
  stuck.click(1);
  aggregate.received(2, await overTheWire(stuck.metrics));
  stuck.click(1);
  well.click(1);
  const first = textOf(aggregate);
  const second = textOf(aggregate);
  await clock.untilSleeping();
  t.notOk(signalled?.aborted);
  await clock.advance(700);
  t.equal(samples(await first).get(CLICKS), 2);
  t.ok(signalled?.aborted, 'it is told that nobody waits any more');
  t.strictSame(clock.sleepers(), [], 'no timer is left');
  t.equal(await second, await first);
  t.equal(asked, 1, 'scrapes at the same time share one look');
});

t.test('a worker that fails to answer, or answers rubbish, changes nothing', async (t) => {
  const worker = createWorker();
  worker.click(1);
  const answers: (() => Promise<unknown>)[] = [
    () => overTheWire(worker.metrics),
    () => Promise.reject(new Error('channel closed')),
    async () => 'rubbish',
    async () => [{ name: 'x' }],
    async () => [{ name: 'x', values: [null] }],
    async () => undefined,
  ];
  const aggregate = createMetricsAggregate({
    supervisor,
    clock: fakeClock(),
    ask: () => (answers.shift() ?? (() => Promise.reject(new Error('asked too often'))))(),
  });
  aggregate.workerStarted(1);
  while (answers.length > 0) t.equal(samples(await textOf(aggregate)).get(CLICKS), 1);
});

t.test('an answer that comes too late is not counted twice', async (t) => {
  const clock = fakeClock();
  const worker = createWorker();
  const waiting: ((snapshot: unknown) => void)[] = [];
  const aggregate = createMetricsAggregate({
    supervisor,
    clock,
    ask: () =>
      new Promise((resolve) => {
        waiting.push(resolve);
      }),
  });
  aggregate.workerStarted(1);
  worker.click(1);
  aggregate.received(1, await overTheWire(worker.metrics));
  const scrape = textOf(aggregate);
  await clock.untilSleeping();
  const old = await overTheWire(worker.metrics);
  aggregate.workerExited(1);
  waiting[0]?.(old);
  t.equal(samples(await scrape).get(CLICKS), 1, 'of a worker that died while it was asked');
  aggregate.received(1, old);
  t.equal(samples(await textOf(aggregate)).get(CLICKS), 1, 'of a worker that is long gone');
});

t.test('sums do not depend on the order of the workers, not even in their last bit', async (t) => {
  // 0.1 + 0.2 + 0.3 is more than 0.2 + 0.3 + 0.1
  const workers = [100, 200, 300].map((ms) => {
    const worker = createWorker();
    worker.click(ms);
    return worker;
  });
  const aggregate = createMetricsAggregate({
    supervisor,
    clock: fakeClock(),
    ask: async (id) => overTheWire(workers[id - 1]?.metrics ?? createWorker().metrics),
  });
  for (const id of [1, 2, 3]) aggregate.workerStarted(id);
  const sum = async (): Promise<number | undefined> =>
    samples(await textOf(aggregate)).get('linkgate_request_duration_seconds_sum{kind="click"}');
  const before = await sum();
  aggregate.workerExited(2);
  t.equal(await sum(), before);
  aggregate.workerExited(3);
  t.equal(await sum(), before);
});

t.test('totals never drop, whatever workers do', async (t) => {
  const step = fc.oneof(
    fc.record({
      do: fc.constant('click' as const),
      worker: fc.nat(3),
      ms: fc.double({ min: 0, max: 40_000, noNaN: true }),
    }),
    fc.record({
      do: fc.constantFrom('start' as const, 'die' as const, 'push' as const, 'stick' as const),
      worker: fc.nat(3),
    }),
    fc.record({ do: fc.constant('scrape' as const) }),
  );
  const counters = /^linkgate_(\w+_total|\w+_seconds_(bucket|sum|count))(\{|$)/;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const running = new Map<number, TestWorker & { id: number; stuck: boolean }>();
      const answering = (id: number): TestWorker | undefined =>
        [...running.values()].find((worker) => worker.id === id && !worker.stuck);
      const aggregate = createMetricsAggregate({
        supervisor,
        clock: { now: () => 0, sleep: () => new Promise((resolve) => setImmediate(resolve)) },
        ask: (id) => {
          const worker = answering(id);
          return worker === undefined ? new Promise(() => undefined) : overTheWire(worker.metrics);
        },
      });
      let nextId = 0;
      let before = new Map<string, number>();
      for (const action of [...steps, { do: 'scrape' as const }]) {
        const worker = 'worker' in action ? running.get(action.worker) : undefined;
        if (action.do === 'start' && worker === undefined) {
          nextId += 1;
          running.set(action.worker, { ...createWorker(), id: nextId, stuck: false });
          aggregate.workerStarted(nextId);
        } else if (action.do === 'die' && worker !== undefined) {
          running.delete(action.worker);
          aggregate.workerExited(worker.id);
        } else if (action.do === 'click') {
          worker?.click(action.ms);
        } else if (action.do === 'push' && worker !== undefined) {
          aggregate.received(worker.id, await overTheWire(worker.metrics));
        } else if (action.do === 'stick' && worker !== undefined) {
          worker.stuck = !worker.stuck;
        } else if (action.do === 'scrape') {
          const now = samples(await textOf(aggregate));
          for (const [name, value] of before) {
            if (counters.test(name) && (now.get(name) ?? -1) < value) {
              throw new Error(`${name} dropped from ${value} to ${now.get(name)}`);
            }
          }
          before = now;
        }
      }
    }),
    { numRuns: 200 },
  );
  t.pass('held');
});

t.test('OpenMetrics for those who ask for it, with the same series', async (t) => {
  const worker = createWorker();
  worker.click(1);
  const aggregate = createMetricsAggregate({
    supervisor,
    clock: fakeClock(),
    ask: async () => overTheWire(worker.metrics),
  });
  aggregate.workerStarted(1);
  const plain = await aggregate.page('text/plain;version=0.0.4');
  t.equal(plain.type, 'text/plain; version=0.0.4; charset=utf-8');
  // as Prometheus 2.42 asks
  const accept =
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
  const open = await aggregate.page(accept);
  t.equal(open.type, 'application/openmetrics-text; version=1.0.0; charset=utf-8');
  t.match(open.text, /^# TYPE linkgate_clicks counter$/m);
  t.match(open.text, /\n# EOF\n$/);
  t.notMatch(open.text, /\n\n/, 'no empty line');
  const moving = /^linkgate_(process|event_loop)/;
  const series = (text: string): [string, number][] =>
    [...samples(text)].filter(([name]) => !moving.test(name)).toSorted();
  t.strictSame(series(open.text), series(plain.text));
  t.match(plain.text, /le="1.0"/, 'a bound is a float in both');
  for (const other of [
    undefined,
    '',
    '*/*',
    'text/html,application/xhtml+xml,*/*;q=0.8',
    'application/openmetrics-text;q=0',
    'application/openmetrics-text;q=0.2, text/plain',
    'application/openmetrics-text;q=rubbish',
  ]) {
    t.match((await aggregate.page(other)).type, /^text\/plain/, String(other));
  }
});
