// One request on one upstream connection: undici's handler. It knows whether the connection was used before and
// whether a byte of a response came, and so whether the request may be sent once more (RFC 9110 §9.2.2, RFC 9112 §9.3.1).

import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { FieldLines } from '../http/exchange.ts';
import { rawFields } from './raw-fields.ts';
import type { ReadPause } from './pause.ts';

export interface UpstreamRequest {
  readonly method: string;
  readonly target: string;
  /** flat list, Host among them */
  readonly fields: string[];
  readonly body: Readable | undefined;
}

/** What the sender of a request can do about it. */
export interface UpstreamControl {
  /** goes on after `onData` said false */
  resume(): void;
  /** gives the request up: it is not sent, or its connection is closed */
  abort(): void;
}

/** Hears what becomes of a request. After `onEnd` or `onError` nothing follows. Must not throw. */
export interface ResponseListener {
  /** at once, before anything is sent */
  onControl(control: UpstreamControl): void;
  onInform(status: number, fields: FieldLines): void;
  onHead(status: number, reason: string, fields: FieldLines): void;
  /** @returns false: no more until `resume`, but for what was read already */
  onData(chunk: Buffer): boolean;
  onEnd(trailers: FieldLines): void;
  onError(error: Error): void;
}

/** What an attempt needs of the connection it was given. */
export interface AttemptSlot {
  /** requests this connection has carried */
  served: number;
  /** of the connection it has now */
  pause: ReadPause | undefined;
}

export interface AttemptOptions<Slot extends AttemptSlot> {
  readonly request: UpstreamRequest;
  readonly listener: ResponseListener;
  /** the slot carries nothing more of this attempt */
  readonly release: (slot: Slot) => void;
  /** sends again, on a connection that was not used before */
  readonly again: (attempt: Attempt<Slot>, slot: Slot) => void;
  /** performance.now unless told */
  readonly nowMs?: () => number;
}

/** Errors of a connection that the peer had closed while it was idle. */
const STALE = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/**
 * A closed connection shows within a round trip after something is sent on it: half a second around the world, and one
 * retransmission. A tracker that was silent for longer has the request, and may have acted on it.
 */
const STALE_WITHIN_MS = 1_000;

const GIVEN_UP = new Error('request was given up');

/**
 * undici calls handlers of this older form directly. The newer form, with a controller, wraps it: two more objects for each
 * request, and the fields of each response are parsed once more into an object that is not used here.
 */
export class Attempt<Slot extends AttemptSlot> implements Dispatcher.DispatchHandler, UpstreamControl {
  readonly request: UpstreamRequest;
  readonly #options: AttemptOptions<Slot>;
  #slot: Slot | undefined;
  #abort: ((error?: Error) => void) | undefined;
  /** of the connection the request is on */
  #pause: ReadPause | undefined;
  #paused = false;
  readonly #nowMs: () => number;
  #reused = false;
  #sentMs = 0;
  #responding = false;
  #repeated = false;
  #givenUp = false;
  /** set while the request waits for a slot: takes it out of the queue */
  leaveQueue: (() => void) | undefined;

  constructor(options: AttemptOptions<Slot>) {
    this.request = options.request;
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /** The connection it will go on; call before dispatch. */
  take(slot: Slot): void {
    this.#slot = slot;
    this.leaveQueue = undefined;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#pause?.resume();
  }

  abort(): void {
    if (this.#givenUp) return;
    this.#givenUp = true;
    if (this.leaveQueue === undefined) this.#abort?.(GIVEN_UP);
    else {
      this.leaveQueue();
      this.request.body?.destroy();
    }
  }

  onConnect(abort: (error?: Error) => void): void {
    // thrown, not aborted: nothing was written yet, the connection stays good
    if (this.#givenUp) throw GIVEN_UP;
    this.#abort = abort;
    const slot = this.#slot;
    if (slot === undefined) return;
    this.#pause = slot.pause;
    this.#reused = slot.served > 0;
    slot.served += 1;
    this.#sentMs = this.#nowMs();
  }

  /** undici's hook for the first byte of a response */
  onResponseStarted(): void {
    this.#responding = true;
  }

  onHeaders(status: number, raw: Buffer[], _resume: () => void, reason: string): boolean {
    const fields = rawFields(raw);
    if (status < 200) this.#options.listener.onInform(status, fields);
    else this.#options.listener.onHead(status, reason, fields);
    return true;
  }

  /** @returns true always: undici's own pause is not used, see pause.ts */
  onData(chunk: Buffer): boolean {
    if (!this.#options.listener.onData(chunk)) {
      this.#paused = true;
      this.#pause?.begin();
    }
    return true;
  }

  onComplete(trailers: readonly (Buffer | string)[] | null): void {
    this.#release();
    this.#options.listener.onEnd(trailers === null ? [] : rawFields(trailers));
  }

  onError(error: Error): void {
    const slot = this.#slot;
    if (slot !== undefined && this.#mayRepeat(error)) {
      this.#repeated = true;
      this.#abort = undefined;
      this.#options.again(this, slot);
      return;
    }
    this.#release();
    this.request.body?.destroy();
    if (!this.#givenUp) this.#options.listener.onError(error);
  }

  /**
   * Once, a GET or a HEAD, on a kept connection that the tracker closed before it said a word, and soon. All else would risk
   * that a click, or an unsubscribe, happens twice.
   */
  #mayRepeat(error: Error & { code?: unknown }): boolean {
    const { method, body } = this.request;
    return (
      (method === 'GET' || method === 'HEAD') &&
      body === undefined &&
      this.#reused &&
      !this.#responding &&
      !this.#repeated &&
      !this.#givenUp &&
      this.#nowMs() - this.#sentMs <= STALE_WITHIN_MS &&
      STALE.has(String(error.code))
    );
  }

  #release(): void {
    const slot = this.#slot;
    this.#slot = undefined;
    this.#pause?.end();
    this.#pause = undefined;
    if (slot !== undefined) this.#options.release(slot);
  }
}
