// Time and randomness as parameters, so that no test has to sleep or to hope.

import { setTimeout } from 'node:timers/promises';

export interface Clock {
  /** milliseconds since the epoch */
  now(): number;
  /**
   * Resolves after `ms`, or at once when `signal` aborts. It never rejects: check `signal.aborted`.
   * `ms` may be any number from 0; times above the ceiling of setTimeout are waited in pieces.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** A number in [0, 1). */
export type Random = () => number;

/** setTimeout fires at once above 2^31−1 ms (24.8 days). */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** One timer: resolves after `ms` (at most 2^31−1), rejects when `signal` aborts. */
export type Delay = (ms: number, signal?: AbortSignal) => Promise<void>;

/** The `sleep` of a clock on top of a bare timer. */
export const createSleep =
  (delay: Delay): Clock['sleep'] =>
  async (ms, signal) => {
    let left = Math.max(0, ms);
    do {
      const piece = Math.min(left, LONGEST_TIMER_MS);
      try {
        await delay(piece, signal);
      } catch {
        return;
      }
      left -= piece;
    } while (left > 0);
  };

/** The time of this machine. */
export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  sleep: createSleep((ms, signal) => setTimeout(ms, undefined, signal === undefined ? {} : { signal })),
});
