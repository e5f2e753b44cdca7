// A click from end to end, once its connection stands: headers → route → (a local answer) → forward → respond.
// A client sees a status and an id, the events have the rest.

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
import { Answer } from './respond.ts';
import { route, type FindDomain, type Route } from './route.ts';
import type { StalledReaders } from './stalled-readers.ts';
import type { Upstream } from '../upstream/upstream.ts';

/** An answer that needs no upstream (an ACME challenge, a redirect to https). */
export interface LocalResponse {
  readonly status: number;
  readonly fields: readonly string[];
  readonly body: string | Buffer;
}

/** Asked for each routed request of a listener; undefined: forward it. */
export type RespondLocally = (
  exchange: Exchange,
  route: Route,
) => Promise<LocalResponse | undefined> | LocalResponse | undefined;

export interface RequestHandlerOptions {
  readonly findDomain: FindDomain;
  readonly findUpstream: (id: UpstreamId) => Upstream | undefined;
  readonly emit: Emit;
  readonly limits: Limits;
  /** whose X-Forwarded-For is believed */
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
 * Strict-Transport-Security where a domain asks for it (RFC 6797 §7.2: never on http), and never for its subdomains:
 * they are not ours to speak for.
 */
const policyOf = (domain: DomainSettings): FieldLines =>
  domain.hstsMaxAgeSeconds === undefined
    ? []
    : ['Strict-Transport-Security', `max-age=${domain.hstsMaxAgeSeconds}`];

const isPromise = <T>(value: T | Promise<T>): value is Promise<T> => value instanceof Promise;

export const createRequestHandler = (options: RequestHandlerOptions): HandleExchange => {
  const { findDomain, findUpstream, emit, limits, isTrusted, uploads, readers, clock, respondLocally } =
    options;
  const nextId = createIds();

  /** Refused before there was a domain to count it under: always the end of its connection. */
  const refuse = (exchange: Exchange, error: LinkgateError): void => {
    const { status } = error.entry;
    const id = nextId();
    emit('request.refused', { id, listener: exchange.listener, code: error.code, status });
    exchange.closeAfter();
    sendErrorPage(exchange, status, id);
    watchReader(exchange);
  };

  /** What is answered here is bounded like the tracker's answers: a client that takes nothing of it is cut. */
  const watchReader = (exchange: Exchange): void => {
    if (exchange.closed) return;
    const timer = setTimeout(() => exchange.abort(), limits.writeIdleMs);
    const { onClose } = exchange;
    exchange.onClose = (finished) => {
      clearTimeout(timer);
      onClose?.(finished);
    };
  };

  const sendLocal = (
    exchange: Exchange,
    { domain }: Route,
    fields: RequestFields,
    local: LocalResponse,
  ): void => {
    const { address } = clientOf(exchange.connection.peerAddress, exchange.listener, fields, isTrusted);
    const outcome = newOutcome(nextId(), domain.name, address, fields.traceparent);
    exchange.onClose = (finished) => emitOutcome(emit, exchange, outcome, finished);
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
    watchReader(exchange);
  };

  const send = (exchange: Exchange, routed: Route, fields: RequestFields): void => {
    const { domain } = routed;
    const upstream = findUpstream(domain.upstream);
    if (upstream === undefined)
      throw new LinkgateError('ERR_INTERNAL', `upstream "${domain.upstream}" is missing`);
    const { connection, listener } = exchange;
    const client = clientOf(connection.peerAddress, listener, fields, isTrusted);
    const outcome = newOutcome(nextId(), domain.name, client.address, fields.traceparent);
    const answer = new Answer({ outcome, exchange, upstream, emit, limits, readers, clock });
    forward({
      exchange,
      route: routed,
      fields,
      client,
      upstream,
      answer,
      uploads,
      bodyBytes: limits.bodyBytes,
    });
  };

  return (exchange) => {
    const guard = (step: () => void): void => {
      try {
        step();
      } catch (error) {
        try {
          refuse(exchange, toLinkgateError(error));
        } catch {
          // half an answer went out already: the client must see that it is half
          exchange.abort();
        }
      }
    };
    guard(() => {
      const fields = readRequestFields(exchange, limits);
      const { method, target, connection } = exchange;
      const routed = route({ method, target, host: fields.host, connection }, findDomain);
      if (exchange.listener === 'https') exchange.policy = policyOf(routed.domain);
      refuseLargeContent(fields, limits);
      const proceed = (local: LocalResponse | undefined): void => {
        if (local === undefined) send(exchange, routed, fields);
        else sendLocal(exchange, routed, fields, local);
      };
      const local = respondLocally?.(exchange, routed);
      if (isPromise(local)) {
        local.then(
          (answer) => guard(() => proceed(answer)),
          (error: unknown) => guard(() => refuse(exchange, toLinkgateError(error))),
        );
      } else proceed(local);
    });
  };
};
