// A limit in time for one piece of work, by the clock that was passed in, joined with the caller's own signal. Not
// AbortSignal.any over AbortSignal.timeout: in Node 20 the timeout is collected as garbage, and never comes.

import type { Clock } from './clock.ts';

export interface Deadline {
  /** aborts with the caller's reason, or with `late()` when the time is up */
  readonly signal: AbortSignal;
  /** the work is done: lets go of the timer */
  clear(): void;
}

/** Starts counting at once. `clear` must be called, or the timer keeps the process alive until it fires. */
export const startDeadline = (
  clock: Clock,
  limitMs: number,
  outer: AbortSignal,
  late: () => Error,
): Deadline => {
  const work = new AbortController();
  const cleared = new AbortController();
  const follow = (): void => work.abort(outer.reason);
  const clear = (): void => {
    outer.removeEventListener('abort', follow);
    cleared.abort();
  };
  if (outer.aborted) follow();
  else outer.addEventListener('abort', follow, { once: true });
  void clock.sleep(limitMs, cleared.signal).then(() => {
    if (!cleared.signal.aborted) work.abort(late());
    return clear();
  });
  return { signal: work.signal, clear };
};
