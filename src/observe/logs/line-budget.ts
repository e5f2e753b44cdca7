// Lines of which there may be thousands: a number of lines in each window of time is written, the rest is counted.

import type { Clock } from '../../core/platform/clock.ts';

export interface LineBudgetOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** lines in one window */
  readonly lines?: number;
  readonly windowMs?: number;
}

/** @returns how many were left out before this one, or undefined when this one is left out too */
export type TakeLine = () => number | undefined;

/** The default is a hundred in ten seconds: among a few failures, the id of one request can be found. */
export const createLineBudget = ({ clock, lines = 100, windowMs = 10_000 }: LineBudgetOptions): TakeLine => {
  let startedMs = -Infinity;
  let taken = 0;
  let suppressed = 0;
  return () => {
    const nowMs = clock.now();
    // A clock that was set back starts a window too.
    if (nowMs - startedMs >= windowMs || nowMs < startedMs) {
      startedMs = nowMs;
      taken = 0;
    }
    if (taken === lines) {
      suppressed += 1;
      return undefined;
    }
    taken += 1;
    const before = suppressed;
    suppressed = 0;
    return before;
  };
};
