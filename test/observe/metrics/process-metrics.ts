import { Registry } from 'prom-client';
import t from 'tap';
import { STORAGE_OPERATIONS } from '../../../src/observe/metrics/catalogue.ts';
import { buildMetrics, takeSnapshot } from '../../../src/observe/metrics/metrics.ts';
import { countProcess } from '../../../src/observe/metrics/process-metrics.ts';
import { strictBus } from '../../helpers/metrics-text.ts';
import { until } from '../../helpers/until.ts';

const setUp = () => {
  const registry = new Registry();
  const events = strictBus();
  const own = countProcess({ events, process: 'worker', metrics: buildMetrics('both', registry) });
  t.teardown(own.stop);
  const value = async (name: string, labels: Record<string, string>): Promise<number | undefined> => {
    own.look();
    const all = (await takeSnapshot(registry)).flatMap(({ name, values }) =>
      values.map((one) => ({ ...one, is: 'metricName' in one ? one.metricName : name })),
    );
    return all.find(
      (one) =>
        (one.is ?? name) === name &&
        Object.entries(labels).every(([label, wanted]) => one.labels[label] === wanted),
    )?.value;
  };
  return { events, own, value };
};

/** Holds the event loop. */
const block = (ms: number): void => {
  const end = performance.now() + ms;
  while (performance.now() < end);
};

t.test('CPU and memory of this process', async (t) => {
  const { value } = setUp();
  const before = (await value('linkgate_process_cpu_seconds_total', { process: 'worker' })) ?? NaN;
  const { user } = process.cpuUsage();
  while (process.cpuUsage().user < user + 20_000);
  const after = (await value('linkgate_process_cpu_seconds_total', { process: 'worker' })) ?? NaN;
  t.ok(after - before >= 0.019, `${before} → ${after}`);
  t.ok(after <= process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6 + 0.001, 'counted once');
  const rss = (await value('linkgate_process_resident_memory_bytes', { process: 'worker' })) ?? 0;
  t.ok(rss > 10_000_000 && rss < 10_000_000_000, `${rss} bytes`);
});

t.test('a loop that is held is seen to be late', async (t) => {
  const { value } = setUp();
  const late = async (): Promise<number> => {
    const labels = { process: 'worker' };
    const all = (await value('linkgate_event_loop_delay_seconds_count', labels)) ?? 0;
    const soon = await value('linkgate_event_loop_delay_seconds_bucket', { ...labels, le: '0.25' });
    return all - (soon ?? 0);
  };
  const before = await late();
  block(600);
  t.ok(await until('the delay is counted', async () => (await late()) > before));
});

t.test('log lines that were lost', async (t) => {
  const { events, value } = setUp();
  const lost = () => value('linkgate_log_lines_lost_total', { process: 'worker' });
  t.equal(await lost(), 0, 'there from the beginning');
  events.emit('log.dropped', { lines: 3 });
  events.emit('log.dropped', { lines: 4 });
  t.equal(await lost(), 7);
});

t.test('calls to the storage, each under its own name', async (t) => {
  const { events, value } = setUp();
  for (const [index, operation] of STORAGE_OPERATIONS.entries()) {
    for (let call = 0; call <= index; call += 1) {
      events.emit('storage.completed', { operation, durationMs: 1, failed: call > 0 });
    }
  }
  for (const [index, operation] of STORAGE_OPERATIONS.entries()) {
    t.equal(await value('linkgate_storage_duration_seconds_count', { operation }), index + 1, operation);
    t.equal(await value('linkgate_storage_errors_total', { operation }), index, operation);
  }
});

t.test('stop ends the counting', async (t) => {
  const { events, own, value } = setUp();
  own.stop();
  events.emit('storage.completed', { operation: 'read', durationMs: 1, failed: true });
  t.equal(await value('linkgate_storage_errors_total', { operation: 'read' }), 0);
});
