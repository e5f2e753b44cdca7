// Counts since the start → counts of days: the counts at the last midnight (UTC) are subtracted from those of now. In memory only: after
// a restart the day begins empty, like the counters.

import type { Clock } from '../../core/platform/clock.ts';
import type { DayCount } from '../../core/day-count.ts';

/** Requests since the start by domain and kind. */
export type Counts = ReadonlyMap<string, Readonly<Record<string, number>>>;

export interface DailyOptions {
  /** the counts of now; after a failure it is asked again a minute later */
  readonly read: () => Promise<Counts>;
  readonly clock: Clock;
}

export interface Daily {
  /** for each domain with requests: today first, then the days before that this process saw, seven at most */
  days(): Promise<ReadonlyMap<string, readonly DayCount[]>>;
  /** closes each day; resolves when `signal` aborts, never rejects */
  keep(signal: AbortSignal): Promise<void>;
}

const MOST_DAYS = 7;
/** a clock that was set, or a machine that slept, is noticed within this time */
const LOOK_EVERY_MS = 60_000;
const DAY_MS = 86_400_000;

const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

const difference = (now: Counts, before: Counts): Counts =>
  new Map(
    [...now].map(([domain, kinds]) => [
      domain,
      Object.fromEntries(
        Object.entries(kinds)
          .map(([kind, count]) => [kind, count - (before.get(domain)?.[kind] ?? 0)] as const)
          .filter(([, count]) => count > 0),
      ),
    ]),
  );

export const createDaily = ({ read, clock }: DailyOptions): Daily => {
  let date = dateOf(clock.now());
  let atMidnight: Counts = new Map();
  let closed: readonly { readonly date: string; readonly counts: Counts }[] = [];

  const close = (now: Counts): void => {
    const today = dateOf(clock.now());
    if (today === date) return;
    closed = [{ date, counts: difference(now, atMidnight) }, ...closed].slice(0, MOST_DAYS);
    date = today;
    atMidnight = now;
  };

  return {
    days: async () => {
      const now = await read();
      close(now);
      const all = [{ date, counts: difference(now, atMidnight) }, ...closed];
      return new Map(
        [...now.keys()].map((domain) => [
          domain,
          all.map((day) => ({ date: day.date, kinds: day.counts.get(domain) ?? {} })),
        ]),
      );
    },
    keep: async (signal) => {
      while (!signal.aborted) {
        const now = clock.now();
        await clock.sleep(Math.min(LOOK_EVERY_MS, DAY_MS - (now % DAY_MS)), signal);
        if (signal.aborted || dateOf(clock.now()) === date) continue;
        await read().then(close, () => undefined);
      }
    },
  };
};
