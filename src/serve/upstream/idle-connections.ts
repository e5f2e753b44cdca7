// The connections that carry nothing: which one the next request takes, and when they close. Knows no request.

import type { Connection } from './connection.ts';

export interface IdleOptions {
  /** how long a connection may be idle, where its tracker tells no shorter time */
  readonly idleMs: number;
  /** not too old, and to an address that the DNS still has */
  readonly isUsable: (connection: Connection) => boolean;
  readonly nowMs: () => number;
}

export class IdleConnections {
  readonly #options: IdleOptions;
  /** last used, first taken: under little load the others become idle for long and close */
  readonly #all: Connection[] = [];
  /** one for all of them */
  #timer: NodeJS.Timeout | undefined;

  constructor(options: IdleOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#all.length;
  }

  add(connection: Connection): void {
    this.#all.push(connection);
    this.#watch();
  }

  /** Takes one out; those that can carry nothing more are closed on the way. */
  take(): Connection | undefined {
    const { isUsable, nowMs } = this.#options;
    for (let one = this.#all.pop(); one !== undefined; one = this.#all.pop()) {
      if (isUsable(one) && nowMs() < this.#untilMs(one)) return one;
      one.close();
    }
    return undefined;
  }

  /** Closes the one that was idle for longest. @returns whether there was one */
  closeOldest(): boolean {
    const oldest = this.#all.shift();
    oldest?.close();
    return oldest !== undefined;
  }

  remove(connection: Connection): void {
    const at = this.#all.indexOf(connection);
    if (at >= 0) this.#all.splice(at, 1);
  }

  /** Watches no longer; closes nothing. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  #untilMs({ freeSinceMs, keepAliveMs }: Connection): number {
    return freeSinceMs + Math.min(this.#options.idleMs, keepAliveMs);
  }

  #watch(): void {
    if (this.#timer !== undefined || this.#all.length === 0) return;
    const dueMs = Math.min(...this.#all.map((one) => this.#untilMs(one)));
    const close = (): void => {
      this.#timer = undefined;
      const nowMs = this.#options.nowMs();
      const late = this.#all.filter((one) => this.#untilMs(one) <= nowMs);
      for (const one of late) one.close();
      this.#watch();
    };
    this.#timer = setTimeout(close, Math.max(1, dueMs - this.#options.nowMs() + 1)).unref();
  }
}
