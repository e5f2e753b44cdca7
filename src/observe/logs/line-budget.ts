// Lines that may come by the thousand: so many in a while, the rest counted.

import type { Clock } from '../../core/platform/clock.ts';

export interface LineBudgetOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** lines in one window */
  readonly lines?: number;
  readonly windowMs?: number;
}

/** @returns how many were left out before this one, or undefined when this one is left out too */
export type TakeLine = () => number | undefined;

/** By default a hundred in ten seconds: whoever looks for one request's id among a few failures finds it. */
export const createLineBudget = ({ clock, lines = 100, windowMs = 10_000 }: LineBudgetOptions): TakeLine => {
  let startedMs = -Infinity;
  let taken = 0;
  let suppressed = 0;
  return () => {
    const nowMs = clock.now();
    // a clock that was set back begins a window too
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
