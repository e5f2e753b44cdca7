// What the counting of workers and of the supervisor has in common: metrics made from the catalogue, snapshots, labels of names.
// worker-metrics.ts and supervisor-metrics.ts count, aggregate.ts brings both together. The paths know nothing of these files.

import { Counter, Gauge, Registry, type Metric } from 'prom-client';
import { CATALOGUE, CONFIGURED } from './catalogue.ts';
import type { Catalogue, MetricName, Side } from './catalogue.ts';
import { createDurations, type Durations } from './durations.ts';

/** How many names have a `domain` label of their own unless told otherwise. */
export const DOMAIN_LABEL_LIMIT = 1000;

/** What one process has counted: plain data, made to be sent to the supervisor as a message. */
export type MetricsSnapshot = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

export interface Metrics {
  snapshot(): Promise<MetricsSnapshot>;
  /** the names after a reload: one that had a label of its own keeps it, new ones get one as long as there is room */
  setDomains(names: readonly string[]): void;
  /** hears no event any more */
  stop(): void;
}

export interface DomainLabels {
  /** the configured names; the first `domainLabelLimit` of them have a label of their own, the same in every worker */
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

/** A counter with one label of fixed values is there from the start: an alert cannot tell a first failure from nothing. */
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
  // a registry asks a metric for its name and for `get` alone
  registry.registerMetric(durations as unknown as Metric);
  return durations;
};

/** The metrics of one side, registered. */
export const buildMetrics = <S extends Side>(side: S, registry: Registry): Built<S> =>
  Object.fromEntries(
    Object.entries(CATALOGUE)
      .filter(([, entry]) => entry.side === side)
      .map(([name, entry]) => [name, buildOne(name, entry, registry)]),
  ) as Built<S>;

/** As plain data that later counts do not change. */
export const takeSnapshot = async (registry: Registry): Promise<MetricsSnapshot> =>
  structuredClone(await registry.getMetricsAsJSON());

/**
 * Seconds as a multiple of 2^-20. Such numbers add up exactly in any order: a sum that came out one bit smaller
 * after a worker's death would look to Prometheus like a restart from zero.
 */
export const seconds = (ms: number): number => Math.round(ms * 1048.576) / 1_048_576;

/**
 * The names with a label of their own: the ones that have it, then the first of the others, up to the limit. A name that left
 * keeps its label, because its counts go on standing under it.
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
