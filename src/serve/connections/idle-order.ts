// Which connections have no request in progress, and since when. Under pressure connections.ts closes the one that has been idle longest:
// an idle connection loses nothing, a click that is refused is lost. Knows sockets only.

import type { Socket } from 'node:net';

export class IdleOrder {
  /** since when, by performance.now(); in the order of their start */
  readonly #sinceMs = new Map<Socket, number>();

  /** nothing is asked on it from now on */
  idle(socket: Socket): void {
    this.#sinceMs.delete(socket);
    this.#sinceMs.set(socket, performance.now());
  }

  /** a request began, or the connection closed */
  busy(socket: Socket): void {
    this.#sinceMs.delete(socket);
  }

  /** the one that has been idle longest; undefined when none is idle */
  longest(): Socket | undefined {
    for (const socket of this.#sinceMs.keys()) return socket;
    return undefined;
  }

  /** the same of a few */
  longestOf(sockets: Iterable<Socket>): Socket | undefined {
    let longest: Socket | undefined;
    let earliestMs = Infinity;
    for (const socket of sockets) {
      const sinceMs = this.#sinceMs.get(socket) ?? Infinity;
      if (sinceMs >= earliestMs) continue;
      earliestMs = sinceMs;
      longest = socket;
    }
    return longest;
  }

  /** how long it has been idle; 0 when it is not */
  idleMs(socket: Socket): number {
    const sinceMs = this.#sinceMs.get(socket);
    return sinceMs === undefined ? 0 : performance.now() - sinceMs;
  }
}
