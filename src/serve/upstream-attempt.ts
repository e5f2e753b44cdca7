// One request on one upstream connection: undici's handler. It knows whether the connection was used before and
// whether a byte of an answer came, and so whether the request may be sent once more (RFC 9110 §9.2.2, RFC 9112 §9.3.1).

import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { FieldLines } from './exchange.ts';

export interface UpstreamRequest {
  readonly method: string;
  readonly target: string;
  /** flat list, Host among them */
  readonly fields: string[];
  readonly body: Readable | undefined;
}

/** The side of the one who asked, towards the upstream. */
export interface UpstreamControl {
  /** goes on after `onData` said false */
  resume(): void;
  /** gives the request up: unsent it is never sent, sent its connection is closed */
  abort(): void;
}

/** Hears what becomes of a request. After `onEnd` or `onError` nothing follows. Must not throw. */
export interface UpstreamAnswer {
  /** at once, before anything is sent */
  onControl(control: UpstreamControl): void;
  onInform(status: number, fields: FieldLines): void;
  onHead(status: number, reason: string, fields: FieldLines): void;
  /** @returns false: no more until `resume` */
  onData(chunk: Buffer): boolean;
  onEnd(trailers: FieldLines): void;
  onError(error: Error): void;
}

/** What an attempt needs of the connection it was given. */
export interface AttemptSlot {
  /** requests this connection has carried */
  served: number;
}

export interface AttemptOptions<Slot extends AttemptSlot> {
  readonly request: UpstreamRequest;
  readonly answer: UpstreamAnswer;
  /** the slot carries nothing more of this attempt */
  readonly release: (slot: Slot) => void;
  /** sends again, on a connection that was not used before */
  readonly again: (attempt: Attempt<Slot>, slot: Slot) => void;
  /** performance.now unless told */
  readonly nowMs?: () => number;
}

/** What undici hands over as raw fields, as the flat list everything else works on. */
const flatLatin1 = (raw: unknown): FieldLines =>
  Array.isArray(raw)
    ? raw.map((part: Buffer | string) => (typeof part === 'string' ? part : part.toString('latin1')))
    : [];

/** What a peer that had closed an idle connection looks like from here. */
const STALE = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/**
 * A closed connection says so within a round trip of what was sent on it, half a second around the world and one
 * retransmission more. A tracker that was silent for longer took the request, and may have acted on it.
 */
const STALE_WITHIN_MS = 1_000;

const GIVEN_UP = new Error('request was given up');

export class Attempt<Slot extends AttemptSlot> implements Dispatcher.DispatchHandler, UpstreamControl {
  readonly request: UpstreamRequest;
  readonly #options: AttemptOptions<Slot>;
  #slot: Slot | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  readonly #nowMs: () => number;
  #reused = false;
  #sentMs = 0;
  #answering = false;
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
    this.#controller?.resume();
  }

  abort(): void {
    if (this.#givenUp) return;
    this.#givenUp = true;
    if (this.leaveQueue === undefined) this.#controller?.abort(GIVEN_UP);
    else {
      this.leaveQueue();
      this.request.body?.destroy();
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // thrown, not aborted: nothing was written yet, the connection stays good
    if (this.#givenUp) throw GIVEN_UP;
    this.#controller = controller;
    const slot = this.#slot;
    if (slot === undefined) return;
    this.#reused = slot.served > 0;
    slot.served += 1;
    this.#sentMs = this.#nowMs();
  }

  /** undici's hook for the first byte of an answer */
  onResponseStarted(): void {
    this.#answering = true;
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _fields: unknown,
    reason?: string,
  ): void {
    const fields = flatLatin1(controller.rawHeaders);
    if (status < 200) this.#options.answer.onInform(status, fields);
    else this.#options.answer.onHead(status, reason ?? '', fields);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#options.answer.onData(chunk)) controller.pause();
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    this.#release();
    this.#options.answer.onEnd(flatLatin1(controller.rawTrailers));
  }

  onResponseError(_controller: unknown, error: Error): void {
    const slot = this.#slot;
    if (slot !== undefined && this.#mayRepeat(error)) {
      this.#repeated = true;
      this.#controller = undefined;
      this.#options.again(this, slot);
      return;
    }
    this.#release();
    this.request.body?.destroy();
    if (!this.#givenUp) this.#options.answer.onError(error);
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
      !this.#answering &&
      !this.#repeated &&
      !this.#givenUp &&
      this.#nowMs() - this.#sentMs <= STALE_WITHIN_MS &&
      STALE.has(String(error.code))
    );
  }

  #release(): void {
    const slot = this.#slot;
    this.#slot = undefined;
    if (slot !== undefined) this.#options.release(slot);
  }
}
