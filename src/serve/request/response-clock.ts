// One timer for the deadlines of all answers under way: a timer of its own for each wait of each click costs more than the
// rest of the waiting. Knows no request; what is late may be a tick later than it was told.

/** How often is looked; a deadline passes at most this much later than it is due. */
const TICK_MS = 50;

/** Something with one deadline at a time; on one clock at most. */
export interface Timed {
  /** on the scale of `performance.now()`; Infinity while nothing is waited for */
  dueMs: number;
  /** the deadline passed; `dueMs` is Infinity again */
  onDue(): void;
  /** the clock's own: its neighbours on it */
  earlier: Timed | undefined;
  later: Timed | undefined;
}

export interface ResponseClock {
  /** looks at it from now on, until `remove` */
  add(timed: Timed): void;
  /** quiet when it is not there */
  remove(timed: Timed): void;
  /** how many it looks at */
  size(): number;
}

/**
 * Ticks only while there is something to look at; holds no process open.
 *
 * A list, and not a Set: V8 rebuilds a Set's table every few dozen additions, and each table that is done with keeps the
 * next one, and with it what is in it, until the next full collection. A fifth of all memory clicks had used outlived them so.
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
      // what was told before it may have moved or removed it
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
