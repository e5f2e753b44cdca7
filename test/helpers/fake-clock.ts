// A clock that stands still until a test moves it, so that no test waits and none depends on the machine's speed.

import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../src/core/platform/clock.ts';

export interface FakeClock extends Clock {
  /** moves on by `ms`, waking sleepers in the order of their time and letting each one run before the next */
  advance(ms: number): Promise<void>;
  /** sets the time without waking anybody, as a clock that jumps does */
  jump(toMs: number): void;
  /** when each sleeper would wake, soonest first */
  sleepers(): readonly number[];
  /** resolves once at least `count` sleepers wait */
  untilSleeping(count?: number): Promise<void>;
}

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

// Some turns of the event loop, so that what a sleeper started in memory is done before the next one wakes.
const settle = async (): Promise<void> => {
  for (let turns = 0; turns < 5; turns += 1) await turn();
};

/** Starts at 2026-01-01T00:00:00Z unless told otherwise. */
export const fakeClock = (startMs: number = Date.UTC(2026, 0, 1)): FakeClock => {
  let nowMs = startMs;
  let sleepers: readonly Sleeper[] = [];

  const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (signal?.aborted === true) return resolve();
      const sleeper: Sleeper = {
        atMs: nowMs + Math.max(0, ms),
        wake: () => {
          sleepers = sleepers.filter((other) => other !== sleeper);
          signal?.removeEventListener('abort', sleeper.wake);
          resolve();
        },
      };
      sleepers = [...sleepers, sleeper].toSorted((a, b) => a.atMs - b.atMs);
      signal?.addEventListener('abort', sleeper.wake, { once: true });
    });

  return {
    now: () => nowMs,
    sleep,
    advance: async (ms) => {
      const target = nowMs + ms;
      await settle();
      for (let next = sleepers[0]; next !== undefined && next.atMs <= target; next = sleepers[0]) {
        nowMs = Math.max(nowMs, next.atMs);
        next.wake();
        await settle();
      }
      nowMs = target;
      await settle();
    },
    jump: (toMs) => {
      nowMs = toMs;
    },
    sleepers: () => sleepers.map(({ atMs }) => atMs),
    untilSleeping: async (count = 1) => {
      while (sleepers.length < count) await turn();
    },
  };
};
