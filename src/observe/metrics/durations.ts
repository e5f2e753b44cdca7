// A histogram that costs a click next to nothing: numbers at an index. prom-client's own builds, checks and hashes an object of
// labels for each observation; here that is done when somebody asks.

import type { MetricValueWithName } from 'prom-client';

export interface DurationsOptions {
  readonly name: string;
  readonly help: string;
  /** upper bounds in seconds, ascending */
  readonly buckets: readonly number[];
  /** the one label, where there is one, with all its values */
  readonly label?: { readonly name: string; readonly values: readonly string[] };
}

/** What prom-client's registry asks of a metric. */
interface HistogramData {
  readonly name: string;
  readonly help: string;
  readonly type: 'histogram';
  readonly aggregator: 'sum';
  readonly values: readonly MetricValueWithName<string>[];
}

export interface Durations {
  readonly name: string;
  /** @param child - index of the label's value; 0 where there is no label */
  observe(child: number, seconds: number): void;
  get(): HistogramData;
}

interface Child {
  readonly labels: Readonly<Record<string, string>>;
  /** observations by bucket, each counted in the first that holds it; the last is for all above */
  readonly counts: Float64Array;
  count: number;
  sum: number;
}

/** `1.0`, as OpenMetrics wants it, in either format: a series that changes its label with the format is two series. */
const boundOf = (bound: number): string => (Number.isInteger(bound) ? bound.toFixed(1) : String(bound));

/** A child with a label is shown from its first observation on, as in prom-client. */
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
