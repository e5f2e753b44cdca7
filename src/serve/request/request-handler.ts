// A click from end to end, on an open connection: headers → route → (a local response) → forward → respond.
// An error page shows a status and an id; the events have the rest.

import { randomBytes } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Emit } from '../../core/events.ts';
import { LinkgateError, toLinkgateError } from '../../core/errors.ts';
import type { DomainSettings, Limits, UpstreamId } from '../../core/settings.ts';
import type { IsTrusted } from '../connections/ip-addresses.ts';
import type { ResponseClock } from './response-clock.ts';
import type { Uploads } from '../http/content.ts';
import { emitOutcome, newOutcome } from './request-outcome.ts';
import { sendErrorPage } from './error-page.ts';
import type { Exchange, FieldLines, HandleExchange } from '../http/exchange.ts';
import { forward } from './forward.ts';
import { readRequestFields, refuseLargeContent, type RequestFields } from './headers.ts';
import { clientOf } from './identity.ts';
import type { LocalResponse, RespondLocally } from './local-response.ts';
import { Responder } from './respond.ts';
import { route, type FindDomain, type Route } from './route.ts';
import type { StalledReaders } from './stalled-readers.ts';
import type { Upstream } from '../upstream/upstream.ts';

export interface RequestHandlerOptions {
  readonly findDomain: FindDomain;
  readonly findUpstream: (id: UpstreamId) => Upstream | undefined;
  readonly emit: Emit;
  readonly limits: Limits;
  /** proxies whose X-Forwarded-For is believed */
  readonly isTrusted: IsTrusted;
  readonly uploads: Uploads;
  readonly readers: StalledReaders;
  readonly clock: ResponseClock;
  readonly respondLocally?: RespondLocally;
}

/** Ten hex digits of the process, then a number: enough to find a line in a log, cheap enough for every click. */
const createIds = (): (() => string) => {
  const prefix = randomBytes(5).toString('hex');
  let count = 0;
  return () => `${prefix}${(++count).toString(16).padStart(6, '0')}`;
};

/**
 * Strict-Transport-Security for a domain that has it (RFC 6797 §7.2: never on http), and never for its subdomains: they belong to others.
 */
const policyOf = (domain: DomainSettings): FieldLines =>
  domain.hstsMaxAgeSeconds === undefined
    ? []
    : ['Strict-Transport-Security', `max-age=${domain.hstsMaxAgeSeconds}`];

const isPromise = <T>(value: T | Promise<T>): value is Promise<T> => value instanceof Promise;

class RequestHandler {
  readonly #options: RequestHandlerOptions;
  readonly #nextId = createIds();

  constructor(options: RequestHandlerOptions) {
    this.#options = options;
  }

  /** See HandleExchange. */
  handle(exchange: Exchange): void {
    this.#guard(exchange, () => {
      const { findDomain, limits, respondLocally } = this.#options;
      const fields = readRequestFields(exchange, limits);
      if (fields.offersProtocol) exchange.closeAfter();
      const { method, target, connection } = exchange;
      const routed = route({ method, target, host: fields.host, connection }, findDomain);
      if (exchange.listener === 'https') exchange.policy = policyOf(routed.domain);
      refuseLargeContent(fields, limits);
      const local = respondLocally?.(exchange, routed);
      if (!isPromise(local)) {
        this.#proceed(exchange, routed, fields, local);
        return;
      }
      local.then(
        (response) => this.#guard(exchange, () => this.#proceed(exchange, routed, fields, response)),
        (error: unknown) => this.#guard(exchange, () => this.#refuse(exchange, toLinkgateError(error))),
      );
    });
  }

  /** Runs one step. An error becomes an error page, or cuts a response that has begun. */
  #guard(exchange: Exchange, step: () => void): void {
    try {
      step();
    } catch (error) {
      try {
        this.#refuse(exchange, toLinkgateError(error));
      } catch {
        exchange.abort();
      }
    }
  }

  #proceed(exchange: Exchange, routed: Route, fields: RequestFields, local: LocalResponse | undefined): void {
    if (local === undefined) this.#forward(exchange, routed, fields);
    else this.#sendLocal(exchange, routed, fields, local);
  }

  /** Refuses a request before its domain is known: its connection always ends. */
  #refuse(exchange: Exchange, error: LinkgateError): void {
    const { status } = error.entry;
    const id = this.#nextId();
    this.#options.emit('request.refused', { id, listener: exchange.listener, code: error.code, status });
    exchange.closeAfter();
    sendErrorPage(exchange, status, id);
    this.#watchReader(exchange);
  }

  /** Local responses have the same limit as the tracker's: a client that reads nothing is cut. */
  #watchReader(exchange: Exchange): void {
    if (exchange.closed) return;
    const timer = setTimeout(() => exchange.abort(), this.#options.limits.writeIdleMs);
    exchange.onClose(() => clearTimeout(timer));
  }

  #sendLocal(exchange: Exchange, { domain }: Route, fields: RequestFields, local: LocalResponse): void {
    const { emit, isTrusted } = this.#options;
    const { address } = clientOf(exchange.connection.peerAddress, exchange.listener, fields, isTrusted);
    const outcome = newOutcome(this.#nextId(), domain.name, address, fields.traceparent);
    exchange.onClose((finished) => emitOutcome(emit, exchange, outcome, finished));
    const bytes = Buffer.from(local.body);
    exchange.head(local.status, STATUS_CODES[local.status] ?? '', [
      ...local.fields,
      'Content-Length',
      String(bytes.length),
    ]);
    outcome.status = local.status;
    if (exchange.method !== 'HEAD') {
      outcome.bytes = bytes.length;
      exchange.write(bytes);
    }
    exchange.end();
    this.#watchReader(exchange);
  }

  #forward(exchange: Exchange, routed: Route, fields: RequestFields): void {
    const { findUpstream, emit, limits, isTrusted, uploads, readers, clock } = this.#options;
    const { domain } = routed;
    const upstream = findUpstream(domain.upstream);
    if (upstream === undefined)
      throw new LinkgateError('ERR_INTERNAL', `upstream "${domain.upstream}" is missing`);
    const client = clientOf(exchange.connection.peerAddress, exchange.listener, fields, isTrusted);
    const outcome = newOutcome(this.#nextId(), domain.name, client.address, fields.traceparent);
    const responder = new Responder({ outcome, exchange, upstream, emit, limits, readers, clock });
    const { bodyBytes } = limits;
    forward({ exchange, route: routed, fields, client, upstream, responder, uploads, bodyBytes });
  }
}

export const createRequestHandler = (options: RequestHandlerOptions): HandleExchange => {
  const handler = new RequestHandler(options);
  return (exchange) => handler.handle(exchange);
};
