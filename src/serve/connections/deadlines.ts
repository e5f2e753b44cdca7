// One clock for many connections that all have the same time to do something: a timer each would cost every connection
// its own, and ten thousand that are late at once would be cut in one go. Knows sockets only.

import type { Socket } from 'node:net';

/** The clock looks this often at most: what is late may be so much later. */
const TICK_MS = 100;
/** Cut in one turn of the loop: closing costs some 20 µs each, and clicks of others wait meanwhile. */
const PER_TURN = 64;

export interface Deadlines {
  /** its time begins now */
  start(socket: Socket): void;
  /** it was in time, or is gone; @returns whether its time still ran */
  stop(socket: Socket): boolean;
  /** every socket whose time runs, in the order they came */
  waiting(): Iterable<Socket>;
  /** ends the clock */
  close(): void;
}

/**
 * @param timeoutMs - the same for all: the order in which they start is the order in which they are late
 * @param onLate - called once with each that was not stopped in time
 */
export const createDeadlines = (timeoutMs: number, onLate: (socket: Socket) => void): Deadlines => {
  const startedMs = new Map<Socket, number>();
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const arm = (ms: number): void => {
    // behind the reads of this turn: where the process stood still, what came meanwhile came in time
    timer = setTimeout(() => setImmediate(sweep), ms).unref();
  };
  const sweep = (): void => {
    timer = undefined;
    const nowMs = performance.now();
    let cut = 0;
    for (const [socket, since] of startedMs) {
      const leftMs = since + timeoutMs - nowMs;
      if (leftMs > 0) {
        arm(Math.max(TICK_MS, leftMs));
        return;
      }
      if (cut === PER_TURN) {
        arm(0);
        return;
      }
      cut += 1;
      startedMs.delete(socket);
      onLate(socket);
    }
  };
  return {
    start: (socket) => {
      startedMs.set(socket, performance.now());
      if (timer === undefined && !closed) arm(timeoutMs);
    },
    stop: (socket) => startedMs.delete(socket),
    waiting: () => startedMs.keys(),
    close: () => {
      closed = true;
      clearTimeout(timer);
    },
  };
};
