// How often something may happen: so many at once, then so many a second. Knows nothing of what it counts.

import type { Clock } from '../core/platform/clock.ts';

export interface BucketOptions {
  /** at once, after a rest */
  readonly burst: number;
  readonly perSecond: number;
  readonly clock: Pick<Clock, 'now'>;
}

export interface TokenBucket {
  /** whether there is one left, which is then taken */
  take(): boolean;
  isEmpty(): boolean;
}

export const createTokenBucket = ({ burst, perSecond, clock }: BucketOptions): TokenBucket => {
  let left = burst;
  let atMs = clock.now();
  const fill = (): void => {
    const nowMs = clock.now();
    // a clock that is set back fills nothing
    left = Math.min(burst, left + (Math.max(0, nowMs - atMs) / 1000) * perSecond);
    atMs = nowMs;
  };
  return {
    take: () => {
      fill();
      if (left < 1) return false;
      left -= 1;
      return true;
    },
    isEmpty: () => {
      fill();
      return left < 1;
    },
  };
};
