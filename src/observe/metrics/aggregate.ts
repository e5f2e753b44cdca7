// The supervisor's view of all workers: their counts summed, beside its own. What a worker had counted outlives it, so that no
// counter ever drops; one that does not answer is shown with what it said last and never fails a scrape.

import {
  AggregatorRegistry,
  Registry,
  type OpenMetricsContentType,
  type PrometheusContentType,
} from 'prom-client';
import type { Clock } from '../../core/platform/clock.ts';
import { withTimeout } from '../../core/platform/deadline.ts';
import type { MetricsSnapshot } from './metrics.ts';

export interface MetricsAggregateOptions {
  /** the supervisor's own counts */
  readonly supervisor: () => Promise<MetricsSnapshot>;
  /** asks one worker for a fresh snapshot; given up on when `signal` aborts */
  readonly ask: (worker: number, signal: AbortSignal) => Promise<unknown>;
  readonly clock: Clock;
  /** how long a scrape waits for the workers; 1000 unless told */
  readonly deadlineMs?: number;
}

/** A worker is known by a number that is never used again: the cluster's worker id. The system gives a pid out anew. */
export interface MetricsAggregate {
  workerStarted(worker: number): void;
  /** a snapshot that a worker sent by itself, as it came over the wire */
  received(worker: number, snapshot: unknown): void;
  workerExited(worker: number): void;
  /**
   * Everything, in the format that `accept` prefers: OpenMetrics 1.0 or Prometheus text 0.0.4, which is also for those who say
   * nothing. Scrapes at the same time share one look at the workers.
   */
  page(accept?: string): Promise<MetricsPage>;
}

export interface MetricsPage {
  /** media type */
  readonly type: string;
  readonly text: string;
}

interface Worker {
  last: MetricsSnapshot;
  /** of the question whose answer `last` is */
  turn: number;
}

const isSnapshot = (value: unknown): value is MetricsSnapshot =>
  Array.isArray(value) &&
  value.every(
    (metric: unknown) =>
      typeof metric === 'object' &&
      metric !== null &&
      'name' in metric &&
      'values' in metric &&
      Array.isArray(metric.values) &&
      metric.values.every((one: unknown) => typeof (one as { value?: unknown } | null)?.value === 'number'),
  );

type ContentType = PrometheusContentType | OpenMetricsContentType;

const OPEN_METRICS = 'application/openmetrics-text';

/** The weight that an Accept field gives to a media type by its name (RFC 9110 §12.5.1); 0: not wanted, or not named. */
const weightOf = (accept: string, media: string): number => {
  const named = accept
    .split(',')
    .map((range) => range.split(';').map((part) => part.trim().toLowerCase()))
    .find(([name]) => name === media);
  if (named === undefined) return 0;
  const weight = Number(named.find((part) => part.startsWith('q='))?.slice(2) ?? 1);
  return Number.isNaN(weight) ? 0 : weight;
};

/** OpenMetrics for those who name it and do not like the older format better: curl and browsers get the one that is plain text. */
const contentTypeFor = (accept: string): ContentType => {
  const wanted = weightOf(accept, OPEN_METRICS);
  return wanted > 0 && wanted >= weightOf(accept, 'text/plain')
    ? Registry.OPENMETRICS_CONTENT_TYPE
    : Registry.PROMETHEUS_CONTENT_TYPE;
};

/** OpenMetrics calls the counter `x` whose sample is `x_total`; prom-client adds the suffix, and cannot take it away from a sum. */
const openMetricsNames = (snapshot: MetricsSnapshot): MetricsSnapshot =>
  snapshot.map((metric) =>
    String(metric.type) === 'counter' ? { ...metric, name: metric.name.replace(/_total$/, '') } : metric,
  );

const sum = (snapshots: readonly MetricsSnapshot[]): ReturnType<typeof AggregatorRegistry.aggregate> =>
  AggregatorRegistry.aggregate([...snapshots]);

const textOf = (snapshots: readonly MetricsSnapshot[], type: ContentType): Promise<string> => {
  const isOpen = type === Registry.OPENMETRICS_CONTENT_TYPE;
  const registry: Registry<ContentType> = sum(isOpen ? snapshots.map(openMetricsNames) : snapshots);
  registry.setContentType(type);
  return registry.metrics();
};

/** The sum of counters and histograms: what stays of a worker. A gauge goes with its process. */
const fold = (snapshots: readonly MetricsSnapshot[]): MetricsSnapshot =>
  // what `aggregate` makes holds its values, although the type does not say so
  (sum(snapshots).getMetricsAsArray() as MetricsSnapshot).filter(
    ({ type }) => String(type) === 'counter' || String(type) === 'histogram',
  );

export const createMetricsAggregate = (options: MetricsAggregateOptions): MetricsAggregate => {
  const { supervisor, ask, clock, deadlineMs = 1000 } = options;
  const workers = new Map<number, Worker>();
  let kept: MetricsSnapshot = [];
  let turns = 0;
  let looking: Promise<readonly MetricsSnapshot[]> | undefined;

  const take = (id: number, turn: number, snapshot: unknown): void => {
    const worker = workers.get(id);
    // a worker that is gone was folded already; an answer that comes after a later one is old
    if (worker === undefined || turn < worker.turn || !isSnapshot(snapshot)) return;
    worker.last = snapshot;
    worker.turn = turn;
  };

  const refresh = async (): Promise<void> => {
    const over = new AbortController();
    const answers = [...workers.keys()].map(async (id) => {
      turns += 1;
      const turn = turns;
      try {
        take(id, turn, await ask(id, over.signal));
      } catch {
        // it is shown with what it said last
      }
    });
    await withTimeout(Promise.all(answers), { clock, limitMs: deadlineMs, late: () => [] });
    over.abort();
  };

  const look = async (): Promise<readonly MetricsSnapshot[]> => {
    const [own] = await Promise.all([supervisor(), workers.size === 0 ? undefined : refresh()]);
    return [own, kept, ...[...workers.values()].map(({ last }) => last)];
  };

  return {
    workerStarted: (id) => {
      workers.set(id, { last: [], turn: 0 });
    },
    received: (id, snapshot) => {
      turns += 1;
      take(id, turns, snapshot);
    },
    workerExited: (id) => {
      const worker = workers.get(id);
      if (worker === undefined) return;
      workers.delete(id);
      kept = fold([kept, worker.last]);
    },
    page: async (accept = '') => {
      looking ??= look().finally(() => {
        looking = undefined;
      });
      const type = contentTypeFor(accept);
      return { type, text: await textOf(await looking, type) };
    },
  };
};
