// The last step of a click: the upstream's answer goes to the client as it comes, with back-pressure, and whatever
// goes wrong on either side ends the other visibly. Decides nothing about where a request goes.

import type { Dispatcher } from 'undici';
import type { Emit } from '../core/events.ts';
import { GateError, toGateError, type ErrorCode } from '../core/errors.ts';
import { sendErrorPage } from './error-page.ts';
import type { Exchange, FieldLines } from './exchange.ts';
import { responseFields } from './headers.ts';
import type { Upstream, UpstreamHandler } from './upstream.ts';

export interface AnswerOptions {
  readonly id: string;
  readonly domain: string;
  readonly exchange: Exchange;
  readonly upstream: Upstream;
  readonly emit: Emit;
}

/** Errors of the network or of undici, as one of our codes. */
const upstreamCode = (error: Error & { code?: string }): ErrorCode => {
  const code = error.code ?? '';
  if (code === 'UND_ERR_BODY_TIMEOUT' || code === 'UND_ERR_HEADERS_TIMEOUT') return 'ERR_UPSTREAM_TIMEOUT';
  if (/^(CERT_|ERR_TLS_CERT|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|ERR_SSL)/.test(code)) return 'ERR_UPSTREAM_TLS';
  if (/^(ECONNREFUSED|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|UND_ERR_CONNECT)/.test(code)) {
    return 'ERR_UPSTREAM_UNREACHABLE';
  }
  return 'ERR_UPSTREAM_INVALID';
};

/** What undici hands over as raw fields, as the flat list everything else works on. */
const flatLatin1 = (raw: unknown): FieldLines =>
  Array.isArray(raw)
    ? raw.map((part: Buffer | string) => (typeof part === 'string' ? part : part.toString('latin1')))
    : [];

const CLIENT_LEFT = new Error('client left');

/** undici's handler for one exchange. */
export class Answer implements UpstreamHandler {
  onSettled: (() => void) | undefined;
  readonly #options: AnswerOptions;
  #controller: Dispatcher.DispatchController | undefined;
  #deadline: NodeJS.Timeout | undefined;
  /** the upstream has nothing more to say, or must not say it any more */
  #settled = false;
  #headSent = false;
  #status = 0;
  #bytes = 0;
  #upstreamMs: number | undefined;
  #errorCode: ErrorCode | undefined;

  constructor(options: AnswerOptions) {
    this.#options = options;
  }

  /** Starts the clock and listens to the client's side; call before dispatch. */
  start(): void {
    const { exchange, upstream } = this.#options;
    exchange.onClose = (finished) => this.#clientClosed(finished);
    exchange.onDrain = () => this.#controller?.resume();
    this.#deadline = setTimeout(() => {
      this.#abandon(
        new GateError(
          'ERR_UPSTREAM_TIMEOUT',
          `upstream "${upstream.id}" sent no answer in ${upstream.responseTimeoutMs} ms`,
        ),
      );
    }, upstream.responseTimeoutMs);
  }

  /** Ends the exchange with an error of ours. */
  fail(error: GateError): void {
    clearTimeout(this.#deadline);
    this.#errorCode ??= error.code;
    const { exchange, id, upstream, emit } = this.#options;
    if (error.code.startsWith('ERR_UPSTREAM_')) {
      const cause = error.cause instanceof Error ? error.cause : error;
      emit('upstream.failed', { upstream: upstream.id, code: error.code, cause: cause.message });
    }
    if (this.#headSent) {
      exchange.abort();
      return;
    }
    this.#headSent = true;
    this.#status = error.entry.status;
    sendErrorPage(exchange, this.#status, id);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // given up while it waited for a connection: nothing of it is sent
    if (this.#settled) controller.abort(CLIENT_LEFT);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _fields: unknown,
    reason?: string,
  ): void {
    if (this.#settled) return;
    const { exchange } = this.#options;
    const fields = flatLatin1(controller.rawHeaders);
    if (status < 200) {
      exchange.inform(status, responseFields(fields));
      return;
    }
    clearTimeout(this.#deadline);
    this.#upstreamMs = performance.now() - exchange.startedMs;
    this.#status = status;
    this.#headSent = true;
    exchange.head(status, reason ?? '', responseFields(fields));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#settled) return;
    this.#bytes += chunk.length;
    if (!this.#options.exchange.write(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    if (this.#settle()) this.#options.exchange.end();
  }

  onResponseError(_controller: unknown, error: Error): void {
    if (!this.#settle()) return;
    if (error instanceof GateError) this.fail(error);
    else this.fail(toGateError(error, upstreamCode(error)));
  }

  /** Gives the upstream's side up, from ours. */
  #abandon(error: GateError): void {
    if (!this.#settle()) return;
    this.#controller?.abort(error);
    this.fail(error);
  }

  #clientClosed(finished: boolean): void {
    const { exchange, id, domain, emit } = this.#options;
    if (this.#settle()) this.#controller?.abort(CLIENT_LEFT);
    emit('request.completed', {
      id,
      domain,
      listener: exchange.listener,
      httpVersion: exchange.httpVersion,
      method: exchange.method,
      target: exchange.target,
      // nginx's word for a client that left before any answer
      status: this.#status === 0 ? 499 : this.#status,
      bytes: this.#bytes,
      durationMs: performance.now() - exchange.startedMs,
      complete: finished,
      ...(this.#upstreamMs === undefined ? {} : { upstreamMs: this.#upstreamMs }),
      ...(this.#errorCode === undefined ? {} : { errorCode: this.#errorCode }),
    });
  }

  /** @returns whether this call was the one that settled it */
  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    clearTimeout(this.#deadline);
    this.onSettled?.();
    return true;
  }
}
