// How V8 keeps the memory of a worker, whose every object is either of one click or for good.

import { setFlagsFromString } from 'node:v8';

/**
 * V8 counts where objects come from that survive a collection, and makes later ones from there among the old ones at once. Under
 * load some of a click's objects qualify, and what is among the old is freed by full collections only, with all it points to: a
 * fifth of all memory that clicks had used was copied there for nothing. Without, a click costs about a tenth less CPU, on a kept
 * connection and on a fresh one, and collections take 1 ms instead of 6.
 */
export const FLAG = '--no-allocation-site-pretenuring';

/**
 * The young part of the heap, in MB: what Node 20 has of itself. Later ones take twice as much, which costs 40 to 70 MB a worker and
 * brings nothing (CPU per click 0.95 on kept HTTP/1.1, 0.99 on HTTP/2, of what it is with their own; Node 24).
 */
const YOUNG_HALF = '--max-semi-space-size=16';

/** Sets {@link FLAG}; call before there is work. Not on the command line: a V8 without it says so on stderr and goes on. */
export const tuneHeap = (): void => {
  setFlagsFromString(FLAG);
};

/** Options of Node for a worker's process: ours before those that the supervisor itself was given, which win. */
export const workerArgs = (given: readonly string[], nodeOptions = ''): readonly string[] =>
  nodeOptions.includes('semi-space') ? given : [YOUNG_HALF, ...given];
