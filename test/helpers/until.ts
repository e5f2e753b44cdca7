// The one way to wait for something that tells nobody when it is done (a file, a process, a port): poll,
// with a deadline. Whatever can be awaited as an event or a promise is awaited instead.

import { setTimeout } from 'node:timers/promises';

/** short compared with any deadline, long compared with one poll */
const LOOK_EVERY_MS = 10;

/**
 * Calls `look` until it gives something other than undefined or false.
 * @param what - names the wait in the error: `until('the worker is replaced', …)`
 * @param timeoutMs - more than a busy machine needs, less than the shortest default of a limit that is long (30 s)
 * @throws Error after `timeoutMs`, with the last error of `look` as its cause
 */
export const until = async <T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 25_000,
): Promise<T> => {
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= deadline) throw new Error(`${what}: not within ${timeoutMs} ms`, { cause });
    await setTimeout(LOOK_EVERY_MS);
  }
};
