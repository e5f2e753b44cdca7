// What workers and the supervisor have in common when they count: metrics from the catalogue, snapshots, labels of names.
// worker-metrics.ts and supervisor-metrics.ts count, aggregate.ts adds them up. The paths do not know these files.

import { Counter, Gauge, Registry, type Metric } from 'prom-client';
import { CATALOGUE, CONFIGURED } from './catalogue.ts';
import type { Catalogue, MetricName, Side } from './catalogue.ts';
import { createDurations, type Durations } from './durations.ts';

/** The default number of names with their own `domain` label. */
export const DOMAIN_LABEL_LIMIT = 1000;

/** The counts of one process: plain data that is sent to the supervisor in a message. */
export type MetricsSnapshot = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

export interface Metrics {
  snapshot(): Promise<MetricsSnapshot>;
  /** the names after a reload: a name keeps its label, new names get one as long as there is room */
  setDomains(names: readonly string[]): void;
  /** stops to hear events */
  stop(): void;
}

export interface DomainLabels {
  /** the configured names; the first `domainLabelLimit` have their own label, the same in every worker */
  readonly domains: readonly string[];
  readonly domainLabelLimit?: number;
}

interface Kinds {
  readonly counter: Counter;
  readonly gauge: Gauge;
  readonly histogram: Durations;
}

export type Built<S extends Side> = {
  readonly [K in MetricName as Catalogue[K]['side'] extends S ? K : never]: Kinds[Catalogue[K]['type']];
};

/** A counter with one label of fixed values is shown from the start: without a zero, an alert cannot see the first failure. */
const startAtZero = (counter: Counter, labels: (typeof CATALOGUE)[MetricName]['labels']): void => {
  const [[label, values] = [], ...others] = Object.entries(labels);
  if (label === undefined || others.length > 0 || values === CONFIGURED || values === undefined) return;
  for (const value of values) counter.inc({ [label]: value }, 0);
};

const buildOne = (name: string, entry: (typeof CATALOGUE)[MetricName], registry: Registry): unknown => {
  const { help, labels } = entry;
  const options = { name, help, labelNames: Object.keys(labels), registers: [registry] };
  if (entry.type === 'gauge') return new Gauge(options);
  if (entry.type === 'counter') {
    const counter = new Counter(options);
    startAtZero(counter, labels);
    return counter;
  }
  const [[label, values] = []] = Object.entries(labels);
  const withLabel = label === undefined || !Array.isArray(values) ? {} : { label: { name: label, values } };
  const durations = createDurations({ name, help, buckets: entry.buckets, ...withLabel });
  // A registry uses only the name and `get` of a metric.
  registry.registerMetric(durations as unknown as Metric);
  return durations;
};

/** The metrics of one kind of process, registered. */
export const buildMetrics = <S extends Side>(side: S, registry: Registry): Built<S> =>
  Object.fromEntries(
    Object.entries(CATALOGUE)
      .filter(([, entry]) => entry.side === side)
      .map(([name, entry]) => [name, buildOne(name, entry, registry)]),
  ) as Built<S>;

/** A copy as plain data, which later counts do not change. */
export const takeSnapshot = async (registry: Registry): Promise<MetricsSnapshot> =>
  structuredClone(await registry.getMetricsAsJSON());

/**
 * Seconds as a multiple of 2^-20. Such numbers add up exactly in any order. A sum that is one bit smaller after the end of a worker
 * would look like a restart from zero to Prometheus.
 */
export const seconds = (ms: number): number => Math.round(ms * 1048.576) / 1_048_576;

/**
 * The names with their own label: those that have one, then the first of the others, up to the limit. A removed name keeps its label,
 * because its counts stay under it.
 */
export const labelledNames = (
  names: readonly string[],
  before: Iterable<string>,
  limit: number,
): Set<string> => {
  const labelled = new Set(before);
  for (const name of names) {
    if (labelled.size >= limit) break;
    labelled.add(name);
  }
  return labelled;
};
