// The connections to one tracker, and which request takes which: an idle one, the next that is freed, or a new one, whichever
// comes first. Every request gets a connection or an error in time. Knows no message.

import type { Limits, UpstreamUse } from '../../core/settings.ts';
import type { Attempt, AttemptOwner } from './attempt.ts';
import type { UpstreamConnect } from './connect.ts';
import { Connection, type ConnectionOwner } from './connection.ts';
import type { Connected } from './happy-eyeballs.ts';
import { IdleConnections } from './idle-connections.ts';
import { WaitingLine, type Waiting } from './waiting-line.ts';

export interface PoolOptions {
  readonly use: Pick<UpstreamUse, 'connectTimeoutMs' | 'maxConnections'>;
  readonly limits: Pick<Limits, 'upstreamIdleMs' | 'upstreamConnectionMs'>;
  readonly connector: Pick<UpstreamConnect, 'connect' | 'isCurrent'>;
  /** a request left the queue, with a connection or without */
  readonly onWaited: (waitMs: number) => void;
  /** performance.now unless told */
  readonly nowMs?: () => number;
}

export interface PoolCounts {
  /** requests on a connection, and those whose own connect is under way */
  readonly active: number;
  /** requests that wait for a connection of others */
  readonly waiting: number;
  /** connections that are open, of them the unused */
  readonly open: number;
  readonly idle: number;
  /** connections that are being made */
  readonly connecting: number;
}

/**
 * Connections being made at once. A handshake costs the tracker a millisecond of CPU and us half of one: a burst of 100 clicks that
 * opens 100 of them at once delays each by all others, until they time out. Eight in flight fill 160 ms of distance at 50 handshakes
 * a second, and the clicks behind them mostly take a connection that was freed in the meantime.
 */
const MAX_CONNECTING = 8;
/** How soon a connect is tried again for requests that others may serve. */
const CONNECT_AGAIN_MS = 1_000;

const closing = (): Error => new Error('upstream is closing');

export class Pool implements AttemptOwner, ConnectionOwner {
  readonly #options: PoolOptions;
  readonly #nowMs: () => number;
  readonly #open = new Set<Connection>();
  readonly #idle: IdleConnections;
  readonly #line = new WaitingLine();
  /** numbers of the connects that are under way, in their order */
  readonly #connecting = new Set<number>();
  #lastConnect = 0;
  #againTimer: NodeJS.Timeout | undefined;
  #isDestroyed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#idle = new IdleConnections({
      idleMs: options.limits.upstreamIdleMs,
      isUsable: (connection) => this.#isUsable(connection),
      nowMs: this.#nowMs,
    });
  }

  /** requests on a connection, and all that wait for one */
  get underWay(): number {
    return this.#busy + this.#line.size;
  }

  get #busy(): number {
    return this.#open.size - this.#idle.size;
  }

  counts(): PoolCounts {
    const waiting = this.#line.queued;
    return {
      active: this.underWay - waiting,
      waiting,
      open: this.#open.size,
      idle: this.#idle.size,
      connecting: this.#connecting.size,
    };
  }

  /** Finds a connection for a request, at once or later. It hears of its control before it hears anything else. */
  take(attempt: Attempt): void {
    const connection = this.#idle.take();
    if (connection !== undefined) {
      attempt.tellControl();
      if (attempt.isGivenUp) this.onFree(connection);
      else attempt.goOn(connection);
      return;
    }
    const one = this.#line.add(attempt, this.#nowMs(), undefined);
    this.#fill();
    one.isQueued = one.until === undefined;
    attempt.tellControl();
  }

  async destroy(): Promise<void> {
    this.#isDestroyed = true;
    this.#idle.stop();
    clearTimeout(this.#againTimer);
    for (const one of this.#line.all()) this.#refuse(one, closing());
    await Promise.all([...this.#open].map((connection) => connection.destroy(closing())));
  }

  onFree(connection: Connection): void {
    const next = this.#line.nextFor(false);
    if (next !== undefined && this.#isUsable(connection)) {
      this.#serve(next, connection);
      return;
    }
    if (next !== undefined || this.#isDestroyed) {
      connection.close();
      return;
    }
    this.#idle.add(connection);
    if (this.#line.size > 0) this.#fill();
  }

  onGone(connection: Connection): void {
    this.#open.delete(connection);
    this.#idle.remove(connection);
    this.#judge();
  }

  onRepeat(attempt: Attempt): void {
    this.#waitFirst(attempt, true);
  }

  onUnsent(attempt: Attempt): void {
    const connection = this.#isDestroyed ? undefined : this.#idle.take();
    if (connection === undefined) this.#waitFirst(attempt, false);
    else attempt.goOn(connection);
  }

  onGivenUp(attempt: Attempt): void {
    const one = this.#line.find(attempt);
    if (one !== undefined) this.#leaveLine(one);
  }

  /** It lost its connection, and goes before those that never had one. */
  #waitFirst(attempt: Attempt, needsFresh: boolean): void {
    if (this.#isDestroyed) {
      attempt.refuse(closing());
      return;
    }
    this.#line.add(attempt, this.#nowMs(), { needsFresh });
    this.#fill();
  }

  /** Too old, or to an address that the DNS no longer has: not usable for a new request. */
  #isUsable(connection: Connection): boolean {
    const { limits, connector } = this.#options;
    return (
      this.#nowMs() - connection.openedMs <= limits.upstreamConnectionMs &&
      connector.isCurrent(connection.address)
    );
  }

  #serve(one: Waiting, connection: Connection): void {
    this.#leaveLine(one);
    one.attempt.goOn(connection);
  }

  #refuse(one: Waiting, error: Error): void {
    this.#leaveLine(one);
    one.attempt.refuse(error);
  }

  #leaveLine(one: Waiting): void {
    this.#line.remove(one);
    if (one.isQueued) this.#options.onWaited(this.#nowMs() - one.sinceMs);
  }

  /** Begins a connect for each request that counts on none, as far as the limits allow. */
  #fill(): void {
    const { maxConnections } = this.#options.use;
    while (this.#connecting.size < MAX_CONNECTING && !this.#isDestroyed) {
      const one = this.#line.firstWithout();
      if (one === undefined) return;
      if (this.#open.size + this.#connecting.size >= maxConnections) {
        // an idle one is no help to a request that needs a new one
        if (!one.needsFresh || !this.#idle.closeOldest()) return;
        continue;
      }
      this.#lastConnect += 1;
      one.until = this.#lastConnect;
      this.#connect(this.#lastConnect);
    }
  }

  #connect(number: number): void {
    this.#connecting.add(number);
    this.#options.connector.connect().then(
      (connected) => this.#connected(number, connected),
      (error: Error) => this.#failed(number, error),
    );
  }

  #connected(number: number, connected: Connected): void {
    this.#connecting.delete(number);
    if (this.#isDestroyed) {
      connected.socket.destroy();
      return;
    }
    const connection = new Connection(connected, this, this.#nowMs);
    this.#open.add(connection);
    connection.start();
    const next = this.#line.nextFor(true);
    if (next === undefined) {
      connection.freeSinceMs = this.#nowMs();
      this.onFree(connection);
      return;
    }
    // whose connect this was, when another waited longer: it gets that one's in return
    for (const one of this.#line.all())
      if (one !== next && one.until === number)
        one.until = this.#isPending(next.until) ? next.until : undefined;
    this.#serve(next, connection);
    this.#fill();
  }

  #failed(number: number, error: Error): void {
    this.#connecting.delete(number);
    if (this.#connecting.size > 0)
      for (const one of this.#line.all())
        if (one.until === number && !one.isLastChance) {
          one.until = this.#lastConnect;
          one.isLastChance = true;
        }
    this.#judge(error);
  }

  /** Whether a connect is under way that a request with this number counts on. */
  #isPending(until: number | undefined): boolean {
    const [oldest] = this.#connecting;
    return until !== undefined && oldest !== undefined && oldest <= until;
  }

  /**
   * What becomes of those that wait when a connect failed, or a connection went:
   * 1. a request waits on while a connection that is in use can become free for it
   * 2. else while a connect is under way that it counts on, for the time of one connect
   * 3. else it fails with the error of the connect that failed
   * 4. where none failed, a connect is made for it
   */
  #judge(error?: Error): void {
    if (this.#line.size === 0 || this.#isDestroyed) return;
    const { connectTimeoutMs } = this.#options.use;
    const startedByMs = this.#nowMs() - connectTimeoutMs;
    let areStranded = false;
    for (const one of this.#line.all()) {
      const mayBeServed = this.#busy > 0 && !one.needsFresh;
      const isCounting = one.until === undefined || this.#isPending(one.until);
      if (mayBeServed) areStranded ||= !isCounting;
      else if (error !== undefined && (!isCounting || one.sinceMs <= startedByMs)) this.#refuse(one, error);
      else if (!isCounting) this.#countAgain(one);
    }
    this.#fill();
    if (areStranded) this.#tryAgainSoon();
  }

  #countAgain(one: Waiting): void {
    one.until = undefined;
    one.isLastChance = false;
  }

  /** Those in use may be in use for long. */
  #tryAgainSoon(): void {
    this.#againTimer ??= setTimeout(() => {
      this.#againTimer = undefined;
      for (const one of this.#line.all()) if (!this.#isPending(one.until)) this.#countAgain(one);
      this.#fill();
    }, CONNECT_AGAIN_MS).unref();
  }
}
