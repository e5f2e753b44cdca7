// A histogram that costs a click almost nothing: numbers at an index. The histogram of prom-client makes, checks and hashes an object
// of labels for each observation; this one does that only for a snapshot.

import type { MetricValueWithName } from 'prom-client';

export interface DurationsOptions {
  readonly name: string;
  readonly help: string;
  /** upper bounds in seconds, ascending */
  readonly buckets: readonly number[];
  /** its only label with all values, where it has one */
  readonly label?: { readonly name: string; readonly values: readonly string[] };
}

/** What the registry of prom-client needs from a metric. */
interface HistogramData {
  readonly name: string;
  readonly help: string;
  readonly type: 'histogram';
  readonly aggregator: 'sum';
  readonly values: readonly MetricValueWithName<string>[];
}

export interface Durations {
  readonly name: string;
  /** @param child - index of the value of the label; 0 without a label */
  observe(child: number, seconds: number): void;
  get(): HistogramData;
}

interface Child {
  readonly labels: Readonly<Record<string, string>>;
  /** observations by bucket; each counts in the first that it fits into, the last is for all above */
  readonly counts: Float64Array;
  count: number;
  sum: number;
}

/** `1.0`, as OpenMetrics requires, in both formats: a label that differs between formats would make two series. */
const boundOf = (bound: number): string => (Number.isInteger(bound) ? bound.toFixed(1) : String(bound));

/** A value of a label is shown from its first observation on, as in prom-client. */
export const createDurations = ({ name, help, buckets, label }: DurationsOptions): Durations => {
  const children = (label?.values ?? ['']).map((value): Child => ({
    labels: label === undefined ? {} : { [label.name]: value },
    counts: new Float64Array(buckets.length + 1),
    count: 0,
    sum: 0,
  }));
  const bounds = buckets.map(boundOf);
  const shown = ({ labels, counts, count, sum }: Child): MetricValueWithName<string>[] => {
    let below = 0;
    const held = bounds.map((le, index) => {
      below += counts[index] ?? 0;
      return { metricName: `${name}_bucket`, value: below, labels: { le, ...labels } };
    });
    return [
      ...held,
      { metricName: `${name}_bucket`, value: count, labels: { le: '+Inf', ...labels } },
      { metricName: `${name}_sum`, value: sum, labels: { ...labels } },
      { metricName: `${name}_count`, value: count, labels: { ...labels } },
    ];
  };
  return {
    name,
    observe: (index, seconds) => {
      const child = children[index];
      if (child === undefined || !Number.isFinite(seconds)) return;
      let bucket = 0;
      while (bucket < buckets.length && seconds > (buckets[bucket] ?? 0)) bucket += 1;
      child.counts[bucket] = (child.counts[bucket] ?? 0) + 1;
      child.count += 1;
      child.sum += seconds;
    },
    get: () => ({
      name,
      help,
      type: 'histogram',
      aggregator: 'sum',
      values: children.filter(({ count }) => label === undefined || count > 0).flatMap(shown),
    }),
  };
};
