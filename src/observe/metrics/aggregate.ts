// The metrics of the supervisor and the sum of those of its workers. The counts of a worker outlive it, so that no counter ever drops.
// A worker that does not answer counts with its last snapshot and never fails a scrape.

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
  /** the snapshot of the supervisor itself */
  readonly supervisor: () => Promise<MetricsSnapshot>;
  /** asks one worker for a new snapshot, until `signal` aborts */
  readonly ask: (worker: number, signal: AbortSignal) => Promise<unknown>;
  readonly clock: Clock;
  /** how long a scrape waits for the workers (1000) */
  readonly deadlineMs?: number;
}

/** A worker has a number that is never used again: the worker id of the cluster. The system uses a pid again. */
export interface MetricsAggregate {
  workerStarted(worker: number): void;
  /** a snapshot that a worker sent without being asked, not checked yet */
  received(worker: number, snapshot: unknown): void;
  workerExited(worker: number): void;
  /**
   * All metrics, in the format that `accept` prefers: OpenMetrics 1.0 or Prometheus text 0.0.4, which is also the default.
   * Scrapes at the same time share one set of snapshots.
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
  /** the number of the request that `last` answers */
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

/** The weight of a media type in an Accept field (RFC 9110 §12.5.1); 0: refused, or not named. */
const weightOf = (accept: string, media: string): number => {
  const named = accept
    .split(',')
    .map((range) => range.split(';').map((part) => part.trim().toLowerCase()))
    .find(([name]) => name === media);
  if (named === undefined) return 0;
  const weight = Number(named.find((part) => part.startsWith('q='))?.slice(2) ?? 1);
  return Number.isNaN(weight) ? 0 : weight;
};

/** OpenMetrics for clients that name it and do not prefer the older format; curl and browsers get plain text. */
const contentTypeFor = (accept: string): ContentType => {
  const wanted = weightOf(accept, OPEN_METRICS);
  return wanted > 0 && wanted >= weightOf(accept, 'text/plain')
    ? Registry.OPENMETRICS_CONTENT_TYPE
    : Registry.PROMETHEUS_CONTENT_TYPE;
};

/** In OpenMetrics the counter of the sample `x_total` is named `x`. prom-client adds the suffix, and cannot remove it from a sum. */
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

/** The sum of counters and histograms, which outlive a worker. A gauge ends with its process. */
const fold = (snapshots: readonly MetricsSnapshot[]): MetricsSnapshot =>
  // The result of `aggregate` has the values, although its type does not say so.
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
    // The counts of a worker that ended were added already. A snapshot that arrives after a later one is old.
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
        // Its last snapshot counts.
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
