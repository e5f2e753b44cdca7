// One clock for many connections with the same time limit. With a timer for each, ten thousand that are late at once would be cut in one
// turn. Knows sockets only.

import type { Socket } from 'node:net';

/** The clock ticks this often at most: a socket may be cut so much later. */
const TICK_MS = 100;
/** Sockets cut in one turn of the event loop: each costs about 20 µs, and clicks wait in the meantime. */
const PER_TURN = 64;

export interface Deadlines {
  /** the time of the socket begins now */
  start(socket: Socket): void;
  /** the socket was in time, or has closed; @returns whether its time was still running */
  stop(socket: Socket): boolean;
  /** every socket whose time is running, in the order of their start */
  waiting(): Iterable<Socket>;
  /** ends the clock */
  close(): void;
}

/**
 * @param timeoutMs - the same for all, so they are late in the order in which they start
 * @param onLate - called once for each socket that was not stopped in time
 */
export const createDeadlines = (timeoutMs: number, onLate: (socket: Socket) => void): Deadlines => {
  const startedMs = new Map<Socket, number>();
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const arm = (ms: number): void => {
    // After the reads of this turn: bytes that arrived while the process was blocked are in time.
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
