// One verified connection to a tracker: one request at a time, its response in order, and when it can carry no other. Knows no
// address and no queue; pool.ts decides which request it carries.

import type { TLSSocket } from 'node:tls';
import type { FieldLines } from '../http/exchange.ts';
import type { Connected } from './happy-eyeballs.ts';
import type { ResponseHead } from './message/response-head.ts';
import { ResponseReader, type ResponseParts } from './message/response-reader.ts';
import { RequestContent, type UpstreamRequest } from './request-content.ts';
import type { SocketEnd, SocketListener } from './socket-reads.ts';

/** Hears what becomes of a request on its connection. After `onWhole`, `onUnsent` or `onFailed` nothing follows. */
export interface Carried {
  readonly request: UpstreamRequest;
  onInterim(head: ResponseHead): void;
  onHead(head: ResponseHead): void;
  onData(chunk: Buffer): boolean;
  onWhole(trailers: FieldLines): void;
  /** the connection was closed before a byte was written on it */
  onUnsent(): void;
  /** @param isStale - the tracker had closed the connection while it was idle, as far as one can tell */
  onFailed(error: Error, isStale: boolean): void;
}

export interface ConnectionOwner {
  /** it can carry another request */
  onFree(connection: Connection): void;
  /** it carries nothing more; called once, before its request hears of it */
  onGone(connection: Connection): void;
}

/**
 * A closed connection shows within a round trip after something is sent on it: half a second around the world, and one
 * retransmission. A tracker that was silent for longer has the request, and may have acted on it.
 */
const STALE_WITHIN_MS = 1_000;
/** Errors of a connection that the peer had closed. */
const LOST = new Set(['ECONNRESET', 'EPIPE']);
/** A tracker closes an idle connection after the time it tells; a request must not meet that end on its way. */
const KEEP_ALIVE_MARGIN_MS = 1_000;

export class Connection implements SocketListener, ResponseParts {
  readonly address: string;
  readonly openedMs: number;
  /** when its last response ended */
  freeSinceMs = 0;
  /** how long the tracker keeps it when it is idle */
  keepAliveMs = Infinity;
  readonly #socket: TLSSocket;
  readonly #reads: Connected['reads'];
  readonly #owner: ConnectionOwner;
  readonly #nowMs: () => number;
  #isUsed = false;
  #isGone = false;
  #isPaused = false;
  /** has this connection for itself */
  #carried: Carried | undefined;
  /** of the request that was written; undefined before that, and when its response has ended */
  #reader: ResponseReader | undefined;
  #content: RequestContent | undefined;
  /** it was kept for this request, and may have been closed while it was idle */
  #isReused = false;
  #hasResponded = false;
  #sentMs = 0;
  #writeError: Error | undefined;

  constructor(connected: Connected, owner: ConnectionOwner, nowMs: () => number) {
    this.#socket = connected.socket;
    this.#reads = connected.reads;
    this.address = connected.address;
    this.#owner = owner;
    this.#nowMs = nowMs;
    this.openedMs = nowMs();
  }

  start(): void {
    this.#reads.listen(this);
    this.#socket.on('error', (error: Error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(this.#lost('was closed')));
  }

  /**
   * Takes a request. On a kept connection it is written in the next turn of the loop: what the tracker has sent unasked, or its
   * end, is read before that, and is never taken for the response.
   */
  carry(carried: Carried): void {
    this.#carried = carried;
    this.#isReused = this.#isUsed;
    this.#isUsed = true;
    if (this.#isReused) setImmediate(begin, this, carried);
    else this.begin(carried);
  }

  /** @internal */
  begin(carried: Carried): void {
    if (this.#carried !== carried) return;
    const { request } = carried;
    this.#hasResponded = false;
    this.#sentMs = this.#nowMs();
    this.#reader = new ResponseReader(request.method, this);
    // a HEAD that is answered with content must not be mixed up with the next response
    const isLast = request.method === 'HEAD';
    const onBroken = (error: Error): void => this.#fail(error);
    this.#content = new RequestContent({ socket: this.#socket, request, isLast, onBroken });
    try {
      this.#content.start();
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  /** Goes on after `onData` said false. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  /** Gives the request up, without a word to it: before it was written the connection stays good. */
  abort(carried: Carried): void {
    if (this.#carried !== carried) return;
    this.#carried = undefined;
    if (this.#reader === undefined) this.#owner.onFree(this);
    else this.#leave();
  }

  /** Closes an idle connection. */
  close(): void {
    this.#leave(true);
  }

  /** Cuts what is in flight. Resolves when it is closed. */
  destroy(error: Error): Promise<void> {
    if (this.#socket.closed) return Promise.resolve();
    const closed = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
    this.#fail(error);
    this.#socket.destroy();
    return closed;
  }

  onBytes(bytes: Buffer): boolean {
    if (this.#isGone) return true;
    const reader = this.#reader;
    if (reader === undefined) {
      // nobody asked: whatever it is, it is no response to the next request
      this.#fail(this.#lost('sent bytes that nobody asked for'));
      return true;
    }
    this.#hasResponded = true;
    let end: number;
    try {
      end = reader.read(bytes);
      if (end >= 0) this.#end(reader, end < bytes.length);
    } catch (error) {
      this.#fail(error as Error);
    }
    return !this.#isPaused;
  }

  onEnd(how: SocketEnd): void {
    const reader = this.#reader;
    if (how === 'alert' && reader?.endsWithConnection() === true && !this.#isGone) this.#end(reader, true);
    else this.#fail(this.#writeError ?? this.#lost(how === 'alert' ? 'was closed' : 'was cut off'));
  }

  onWriteError(error: Error): void {
    this.#writeError = error;
    this.#content?.stop();
    // an idle connection, or one that was asked nothing, has nothing left to say
    if (this.#reader === undefined) this.#fail(error);
  }

  onInterim(head: ResponseHead): void {
    this.#carried?.onInterim(head);
  }

  onHead(head: ResponseHead): void {
    this.#carried?.onHead(head);
  }

  onContent(piece: Buffer): void {
    // the piece is gone after this call
    if (this.#carried?.onData(Buffer.from(piece)) === false) this.#isPaused = true;
  }

  /** The response is whole. */
  #end(reader: ResponseReader, isLast: boolean): void {
    const carried = this.#carried;
    if (carried === undefined) return;
    const trailers = reader.trailers();
    const { isPersistent = false, keepAliveMs = Infinity } = reader.head ?? {};
    const isSent = this.#content?.isSent === true && this.#writeError === undefined;
    this.keepAliveMs = keepAliveMs - KEEP_ALIVE_MARGIN_MS;
    this.#carried = undefined;
    if (isPersistent && isSent && !isLast && carried.request.method !== 'HEAD' && this.keepAliveMs > 0) {
      this.#reader = undefined;
      this.#content = undefined;
      this.freeSinceMs = this.#nowMs();
      this.resume();
      this.#owner.onFree(this);
    } else this.#leave(isSent);
    carried.onWhole(trailers);
  }

  #fail(error: Error): void {
    if (this.#isGone) return;
    const carried = this.#carried;
    const isUnsent = this.#reader === undefined;
    const isLost = LOST.has((error as NodeJS.ErrnoException).code ?? '');
    const isSoon = this.#nowMs() - this.#sentMs <= STALE_WITHIN_MS;
    this.#carried = undefined;
    this.#leave();
    if (isUnsent) carried?.onUnsent();
    else carried?.onFailed(error, this.#isReused && isLost && isSoon && !this.#hasResponded);
  }

  /** @param isClean - with close_notify, where nothing waits to be written: a tracker may read no more */
  #leave(isClean = false): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#content?.stop();
    if (isClean && this.#socket.writableLength === 0) this.#socket.destroySoon();
    else this.#socket.destroy();
    this.#owner.onGone(this);
  }

  #lost(what: string): Error {
    const name = this.#hasResponded ? 'before its response was whole' : 'without a response';
    return Object.assign(new Error(`connection ${what} ${name}`), { code: 'ECONNRESET' });
  }
}

const begin = (connection: Connection, carried: Carried): void => connection.begin(carried);
