// One timer for the deadlines of all answers under way: a timer of its own for each wait of each click costs more than the
// rest of the waiting. Knows no request; what is late may be a tick later than it was told.

/** How often is looked; a deadline passes at most this much later than it is due. */
const TICK_MS = 50;

/** Something with one deadline at a time. */
export interface Timed {
  /** on the scale of `performance.now()`; Infinity while nothing is waited for */
  dueMs: number;
  /** the deadline passed; `dueMs` is Infinity again */
  onDue(): void;
}

export interface AnswerClock {
  /** looks at it from now on, until `remove` */
  add(timed: Timed): void;
  remove(timed: Timed): void;
}

/** Ticks only while there is something to look at; holds no process open. */
export const createAnswerClock = (tickMs = TICK_MS): AnswerClock => {
  const all = new Set<Timed>();
  let timer: NodeJS.Timeout | undefined;
  const tick = (): void => {
    if (all.size === 0) {
      clearInterval(timer);
      timer = undefined;
      return;
    }
    const nowMs = performance.now();
    for (const timed of all) {
      if (timed.dueMs > nowMs) continue;
      timed.dueMs = Infinity;
      timed.onDue();
    }
  };
  return {
    add: (timed) => {
      all.add(timed);
      timer ??= setInterval(tick, tickMs).unref();
    },
    remove: (timed) => {
      all.delete(timed);
    },
  };
};
