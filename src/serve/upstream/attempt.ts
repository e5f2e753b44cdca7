// One request to a tracker, on whichever connection carries it. It knows whether the request may be sent once more
// (RFC 9110 §9.2.2, RFC 9112 §9.3.1).

import type { FieldLines } from '../http/exchange.ts';
import type { Carried, Connection } from './connection.ts';
import type { ResponseHead } from './message/response-head.ts';
import type { UpstreamRequest } from './request-content.ts';

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

export interface AttemptOwner {
  /** sends it once more, on a connection that was not used before */
  onRepeat(attempt: Attempt): void;
  /** sends it on another connection: on this one nothing was written */
  onUnsent(attempt: Attempt): void;
  /** it waits for no connection any more */
  onGivenUp(attempt: Attempt): void;
}

export class Attempt implements Carried, UpstreamControl {
  readonly request: UpstreamRequest;
  readonly #listener: ResponseListener;
  readonly #owner: AttemptOwner;
  #connection: Connection | undefined;
  #isRepeated = false;
  #isGivenUp = false;

  constructor(request: UpstreamRequest, listener: ResponseListener, owner: AttemptOwner) {
    this.request = request;
    this.#listener = listener;
    this.#owner = owner;
  }

  get isGivenUp(): boolean {
    return this.#isGivenUp;
  }

  tellControl(): void {
    this.#listener.onControl(this);
  }

  goOn(connection: Connection): void {
    this.#connection = connection;
    connection.carry(this);
  }

  resume(): void {
    this.#connection?.resume();
  }

  abort(): void {
    if (this.#isGivenUp) return;
    this.#isGivenUp = true;
    const connection = this.#leaveConnection();
    if (connection === undefined) this.#owner.onGivenUp(this);
    else connection.abort(this);
    this.request.body?.destroy();
  }

  /** It gets no connection. */
  refuse(error: Error): void {
    this.request.body?.destroy();
    this.#listener.onError(error);
  }

  onInterim({ status, fields }: ResponseHead): void {
    this.#listener.onInform(status, fields);
  }

  onHead({ status, reason, fields }: ResponseHead): void {
    this.#listener.onHead(status, reason, fields);
  }

  onData(chunk: Buffer): boolean {
    return this.#listener.onData(chunk);
  }

  onWhole(trailers: FieldLines): void {
    this.#leaveConnection();
    const { body } = this.request;
    // a response that came before the end of the request: nothing reads the rest
    if (body !== undefined && !body.readableEnded) body.destroy();
    this.#listener.onEnd(trailers);
  }

  onUnsent(): void {
    this.#leaveConnection();
    this.#owner.onUnsent(this);
  }

  onFailed(error: Error, isStale: boolean): void {
    this.#leaveConnection();
    if (isStale && this.#mayRepeat()) {
      this.#isRepeated = true;
      this.#owner.onRepeat(this);
    } else this.refuse(error);
  }

  /**
   * Once, a GET or a HEAD, on a kept connection that the tracker closed before it said a word, and soon. All else would risk
   * that a click, or an unsubscribe, happens twice.
   */
  #mayRepeat(): boolean {
    const { method, body } = this.request;
    return (method === 'GET' || method === 'HEAD') && body === undefined && !this.#isRepeated;
  }

  #leaveConnection(): Connection | undefined {
    const connection = this.#connection;
    this.#connection = undefined;
    return connection;
  }
}
