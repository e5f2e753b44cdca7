// How much was answered and how fast, over the last hour: what the workers have counted, turned into one sample every fifteen
// seconds. In memory, of one size whatever the traffic.

import type { Clock } from '../core/platform/clock.ts';

export const SAMPLE_MS = 15_000;
export const SAMPLES = 240;
const METRIC = 'linkgate_request_duration_seconds';

export interface Sample {
  readonly atMs: number;
  readonly perSecond: number;
  /** undefined: nothing was answered */
  readonly medianMs: number | undefined;
  readonly slowMs: number | undefined;
}

export interface Traffic {
  /** what a worker has counted since its start, as it came over the wire */
  received(worker: number, snapshot: unknown): void;
  workerExited(worker: number): void;
  /** oldest first */
  samples(): readonly Sample[];
  /** takes a sample every fifteen seconds until `signal` aborts; never rejects */
  keep(signal: AbortSignal): Promise<void>;
}

/** Requests by upper bound in seconds, each counted in all bounds that hold it. */
type Buckets = ReadonlyMap<number, number>;

interface Value {
  readonly metricName?: unknown;
  readonly value?: unknown;
  readonly labels?: { readonly le?: unknown };
}

const bucketsOf = (snapshot: unknown): Buckets => {
  const buckets = new Map<number, number>();
  for (const metric of Array.isArray(snapshot) ? (snapshot as unknown[]) : []) {
    const { name, values } = (metric ?? {}) as { readonly name?: unknown; readonly values?: unknown };
    if (name !== METRIC || !Array.isArray(values)) continue;
    for (const { metricName, value, labels } of values as readonly Value[]) {
      if (metricName !== `${METRIC}_bucket` || typeof value !== 'number') continue;
      const bound = labels?.le === '+Inf' ? Infinity : Number(labels?.le);
      if (!Number.isNaN(bound)) buckets.set(bound, (buckets.get(bound) ?? 0) + value);
    }
  }
  return buckets;
};

/** The time that a share of the requests stayed within, in milliseconds, as evenly spread within its bucket. */
const quantile = (share: number, buckets: Buckets): number | undefined => {
  const bounds = [...buckets].toSorted(([a], [b]) => a - b);
  const all = bounds.at(-1)?.[1] ?? 0;
  if (all <= 0) return undefined;
  let [from, below] = [0, 0];
  for (const [bound, held] of bounds) {
    if (held >= share * all) {
      if (bound === Infinity) return from * 1000;
      return (from + ((share * all - below) / (held - below)) * (bound - from)) * 1000;
    }
    [from, below] = [bound, held];
  }
  return undefined;
};

export const createTraffic = (clock: Clock): Traffic => {
  const last = new Map<number, Buckets>();
  let counted = new Map<number, number>();
  let sinceMs = clock.now();
  let samples: readonly Sample[] = [];

  const take = (): void => {
    const nowMs = clock.now();
    const seconds = (nowMs - sinceMs) / 1000;
    // a clock that was set back measures nothing
    if (seconds > 0) {
      const sample = {
        atMs: nowMs,
        perSecond: (counted.get(Infinity) ?? 0) / seconds,
        medianMs: quantile(0.5, counted),
        slowMs: quantile(0.95, counted),
      };
      samples = [...samples, sample].slice(-SAMPLES);
    }
    counted = new Map();
    sinceMs = nowMs;
  };

  return {
    received: (worker, snapshot) => {
      const now = bucketsOf(snapshot);
      const before = last.get(worker);
      last.set(worker, now);
      for (const [bound, held] of now) {
        const more = held - (before?.get(bound) ?? 0);
        if (more > 0) counted.set(bound, (counted.get(bound) ?? 0) + more);
      }
    },
    workerExited: (worker) => {
      last.delete(worker);
    },
    samples: () => samples,
    keep: async (signal) => {
      while (!signal.aborted) {
        await clock.sleep(SAMPLE_MS, signal);
        if (!signal.aborted) take();
      }
    },
  };
};
