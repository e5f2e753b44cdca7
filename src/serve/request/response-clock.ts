// One timer for the deadlines of all responses in progress: a timer for each wait of each click costs more than the rest of the waiting.
// Knows no request. A deadline may pass a tick late.

/** The time between two checks; a deadline passes at most this much late. */
const TICK_MS = 50;

/** Has one deadline at a time, on one clock. */
export interface Timed {
  /** on the scale of `performance.now()`; Infinity without a deadline */
  dueMs: number;
  /** called after the deadline; `dueMs` is Infinity again */
  onDue(): void;
  /** for the clock alone: its neighbours in the list */
  earlier: Timed | undefined;
  later: Timed | undefined;
}

export interface ResponseClock {
  /** checks it from now on, until `remove` */
  add(timed: Timed): void;
  /** does nothing when it is not there */
  remove(timed: Timed): void;
  /** how many it checks */
  size(): number;
}

/**
 * Ticks only while there is something to check; keeps no process alive.
 *
 * A linked list and not a Set: V8 rebuilds the table of a Set every few dozen additions, and each old table keeps the next one and its
 * content until the next full collection. So a fifth of the memory of all clicks outlived them.
 */
export const createResponseClock = (tickMs = TICK_MS): ResponseClock => {
  let first: Timed | undefined;
  let last: Timed | undefined;
  let size = 0;
  let timer: NodeJS.Timeout | undefined;
  const tick = (): void => {
    if (first === undefined) {
      clearInterval(timer);
      timer = undefined;
      return;
    }
    const nowMs = performance.now();
    const late: Timed[] = [];
    for (let timed: Timed | undefined = first; timed !== undefined; timed = timed.later) {
      if (timed.dueMs <= nowMs) late.push(timed);
    }
    for (const timed of late) {
      // An earlier call may have moved or removed it.
      if (timed.dueMs > nowMs) continue;
      timed.dueMs = Infinity;
      timed.onDue();
    }
  };
  return {
    add: (timed) => {
      size += 1;
      timed.earlier = last;
      if (last === undefined) first = timed;
      else last.later = timed;
      last = timed;
      timer ??= setInterval(tick, tickMs).unref();
    },
    remove: (timed) => {
      const { earlier, later } = timed;
      if (earlier !== undefined) earlier.later = later;
      else if (first === timed) first = later;
      else return;
      size -= 1;
      if (later !== undefined) later.earlier = earlier;
      else last = earlier;
      timed.earlier = undefined;
      timed.later = undefined;
    },
    size: () => size,
  };
};
