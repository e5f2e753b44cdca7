// The last step of a click: relays the upstream's response to the client as it comes, with back-pressure. A failure on one side
// ends the other side visibly. Decides nothing about where a request goes.

import type { Readable } from 'node:stream';
import type { Emit } from '../../core/events.ts';
import { LinkgateError } from '../../core/errors.ts';
import type { Limits } from '../../core/settings.ts';
import type { ResponseClock, Timed } from './response-clock.ts';
import { emitOutcome, type Outcome } from './request-outcome.ts';
import { sendErrorPage } from './error-page.ts';
import type { Exchange, FieldLines } from '../http/exchange.ts';
import { responseFields, trailerFields } from './headers.ts';
import type { StalledReader, StalledReaders } from './stalled-readers.ts';
import { upstreamError } from '../upstream/network-error.ts';
import type { Upstream, ResponseListener, UpstreamControl } from '../upstream/upstream.ts';

export interface ResponderOptions {
  readonly outcome: Outcome;
  readonly exchange: Exchange;
  readonly upstream: Upstream;
  readonly emit: Emit;
  readonly limits: Pick<Limits, 'requestMs' | 'upstreamBodyMs' | 'writeIdleMs'>;
  readonly readers: StalledReaders;
  readonly clock: ResponseClock;
}

/** What the exchange waits for: the client's content, the upstream's response, more of the response, the client to read. */
type Awaited = 'content' | 'response' | 'more' | 'reader';

/** Interim responses are written without back-pressure; more of them have no use. */
const INTERIM_RESPONSES = 8;

/** The response of one exchange, between the upstream and the client. It settles exactly once. */
export class Responder implements ResponseListener, StalledReader, Timed {
  dueMs = Infinity;
  earlier: Timed | undefined;
  later: Timed | undefined;
  readonly #options: ResponderOptions;
  #control: UpstreamControl | undefined;
  #awaited: Awaited = 'response';
  /** the upstream has sent everything, or the rest is ignored */
  #settled = false;
  #headSent = false;
  /** the event of the request was emitted */
  #isOver = false;
  #informed = 0;
  #dispatchedMs = 0;
  #content: Readable | undefined;

  constructor(options: ResponderOptions) {
    this.#options = options;
    const { exchange, clock } = options;
    clock.add(this);
    exchange.onClose((finished) => this.#clientClosed(finished));
    exchange.onDrain = () => this.#drained();
    exchange.onFault = (error) => this.fail(error);
    if (exchange.closed) this.#clientClosed(false);
  }

  /** Whether there is anything left to do: the client may have left in the meantime. */
  isOpen(): boolean {
    return !this.#settled;
  }

  /**
   * Starts the clocks; call before dispatch.
   * @param content - of the request: its time limit comes first, then the upstream's for the response
   */
  start(content: Readable | undefined): void {
    this.#dispatchedMs = performance.now();
    if (content === undefined) {
      this.#await('response', this.#dispatchedMs);
      return;
    }
    this.#content = content;
    content.once('end', () => {
      if (!this.#settled && !this.#headSent) this.#await('response', performance.now());
    });
    this.#await('content', this.#dispatchedMs);
  }

  #await(awaited: Awaited, nowMs: number): void {
    this.#awaited = awaited;
    this.dueMs = nowMs + this.#timeOf(awaited);
  }

  #timeOf(awaited: Awaited): number {
    const { upstream, limits } = this.#options;
    switch (awaited) {
      case 'content':
        return limits.requestMs;
      case 'response':
        return upstream.responseTimeoutMs;
      case 'more':
        return limits.upstreamBodyMs;
      case 'reader':
        return limits.writeIdleMs;
    }
  }

  /** Called by the clock when the exchange has waited too long. */
  onDue(): void {
    const { exchange, upstream } = this.#options;
    const awaited = this.#awaited;
    const inTime = `in ${this.#timeOf(awaited)} ms`;
    switch (awaited) {
      case 'content':
        this.fail(new LinkgateError('ERR_REQUEST_TIMEOUT', `request body was not complete ${inTime}`));
        break;
      case 'response':
        this.fail(
          new LinkgateError('ERR_UPSTREAM_TIMEOUT', `upstream "${upstream.id}" sent no response ${inTime}`),
        );
        break;
      case 'more':
        this.fail(
          new LinkgateError('ERR_UPSTREAM_TIMEOUT', `upstream "${upstream.id}" sent nothing more ${inTime}`),
        );
        break;
      case 'reader':
        exchange.abort();
    }
  }

  onControl(control: UpstreamControl): void {
    this.#control = control;
    if (this.#settled) control.abort();
  }

  onInform(status: number, fields: FieldLines): void {
    if (this.#settled || this.#informed >= INTERIM_RESPONSES) return;
    this.#informed += 1;
    this.#options.exchange.inform(status, responseFields(fields));
  }

  onHead(status: number, reason: string, fields: FieldLines): void {
    if (this.#settled) return;
    const { exchange, outcome } = this.#options;
    const nowMs = performance.now();
    outcome.upstreamMs = nowMs - this.#dispatchedMs;
    try {
      exchange.head(status, reason, responseFields(fields));
    } catch (error) {
      const message = 'upstream sent a field that cannot be forwarded';
      this.fail(new LinkgateError('ERR_UPSTREAM_INVALID', message, { cause: error }));
      return;
    }
    outcome.status = status;
    this.#headSent = true;
    this.#await('more', nowMs);
  }

  onData(chunk: Buffer): boolean {
    if (this.#settled) return true;
    const { exchange, outcome } = this.#options;
    outcome.bytes += chunk.length;
    if (exchange.write(chunk)) {
      this.#await('more', performance.now());
      return true;
    }
    this.#await('reader', performance.now());
    this.#options.readers.enter(this);
    return false;
  }

  onEnd(trailers: FieldLines): void {
    if (!this.#settle()) return;
    const { exchange } = this.#options;
    exchange.end(trailers.length === 0 ? undefined : trailerFields(trailers));
    if (!exchange.closed) this.#await('reader', performance.now());
  }

  onError(error: Error): void {
    this.fail(error instanceof LinkgateError ? error : upstreamError(error));
  }

  /** Ends the exchange with an error and gives up the upstream's side. */
  fail(error: LinkgateError): void {
    if (!this.#settle()) return;
    this.#control?.abort();
    const { exchange, upstream, emit, outcome } = this.#options;
    outcome.errorCode = error.code;
    if (error.code.startsWith('ERR_UPSTREAM_')) {
      const cause = error.cause instanceof Error ? error.cause : error;
      emit('upstream.failed', {
        id: outcome.id,
        upstream: upstream.id,
        code: error.code,
        cause: cause.message,
      });
    }
    if (this.#headSent) {
      exchange.abort();
      return;
    }
    outcome.status = error.entry.status;
    if (error.code.startsWith('ERR_REQUEST_')) exchange.closeAfter();
    outcome.bytes = sendErrorPage(exchange, outcome.status, outcome.id);
    if (!exchange.closed) this.#await('reader', performance.now());
  }

  #drained(): void {
    if (!this.#settled && this.#awaited === 'reader') {
      this.#options.readers.leave(this);
      this.#await('more', performance.now());
    }
    this.#control?.resume();
  }

  /** Cuts the response off, because its client does not read. */
  cut(): void {
    this.#options.exchange.abort();
  }

  #clientClosed(finished: boolean): void {
    const { exchange, emit, outcome, clock } = this.#options;
    if (this.#isOver) return;
    this.#isOver = true;
    clock.remove(this);
    if (this.#settle()) this.#control?.abort();
    emitOutcome(emit, exchange, outcome, finished && outcome.status !== 0);
  }

  /** @returns whether this call was the one that settled it */
  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.#options.readers.leave(this);
    this.dueMs = Infinity;
    // Nothing reads the rest of the content.
    if (this.#content?.readableEnded === false) this.#content.destroy();
    return true;
  }
}
