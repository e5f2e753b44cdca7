// Limits in time for one piece of work, by the clock that was passed in. Not AbortSignal.any over AbortSignal.timeout: Node 20
// collects that timeout as garbage, and it never fires.

import type { Clock } from './clock.ts';

interface Limit {
  readonly clock: Clock;
  readonly limitMs: number;
}

export interface Deadline extends Limit {
  /** the caller's own signal; its reason is passed on */
  readonly signal?: AbortSignal;
  /** the reason that the work is aborted with when the time is up */
  readonly late: () => Error;
}

/**
 * Work that follows a signal, by the signal. One listener serves all of it: above ten listeners on one signal, Node warns of a leak.
 */
const FOLLOWERS = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls the followers of the signal that aborts. One function for all signals, so that it can be removed from each. */
const notify = ({ target }: Event): void => {
  for (const onAbort of FOLLOWERS.get(target as AbortSignal) ?? []) onAbort();
};

/** Calls `onAbort` when `signal` aborts. @returns a function that ends this; the last one to end removes the listener */
const follow = (signal: AbortSignal, onAbort: () => void): (() => void) => {
  const followers = FOLLOWERS.get(signal) ?? new Set();
  FOLLOWERS.set(signal, followers);
  if (followers.size === 0) signal.addEventListener('abort', notify, { once: true });
  followers.add(onAbort);
  return () => {
    followers.delete(onAbort);
    if (followers.size === 0) signal.removeEventListener('abort', notify);
  };
};

/**
 * Does `work` with a signal that aborts when `limitMs` are over, or with the caller's signal. The work has to end by its signal:
 * what it gives or throws then is what the caller gets.
 */
export const withDeadline = async <T>(
  { clock, limitMs, signal, late }: Deadline,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  const ended = new AbortController();
  const done = new AbortController();
  const abort = (): void => ended.abort(signal?.reason);
  if (signal?.aborted === true) abort();
  const unfollow = signal === undefined ? () => undefined : follow(signal, abort);
  void clock.sleep(limitMs, done.signal).then(() => {
    if (!done.signal.aborted) ended.abort(late());
    return undefined;
  });
  try {
    return await work(ended.signal);
  } finally {
    unfollow();
    done.abort();
  }
};

const LATE = Symbol('late');

export interface Timeout<L> extends Limit {
  /** ends the wait as if the time were up */
  readonly signal?: AbortSignal;
  /** what the caller gets when the time is up; may throw */
  readonly late: () => L;
}

/** Waits for `work`, `limitMs` at most. Work that is late goes on, and nobody hears how it ends. */
export const withTimeout = async <T, L>(
  work: Promise<T>,
  { clock, limitMs, signal, late }: Timeout<L>,
): Promise<T | L> => {
  const done = new AbortController();
  try {
    const ended = signal === undefined ? done.signal : AbortSignal.any([signal, done.signal]);
    const over = clock.sleep(limitMs, ended).then((): typeof LATE => LATE);
    const first = await Promise.race([work, over]);
    return first === LATE ? late() : first;
  } finally {
    done.abort();
  }
};
