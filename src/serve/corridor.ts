// A click from end to end, once its connection stands: headers → route → (a local answer) → forward → respond.
// The only place of the corridor that catches; a client sees a status and an id, the events have the rest.

import { randomBytes } from 'node:crypto';
import type { Emit } from '../core/events.ts';
import { GateError, toGateError } from '../core/errors.ts';
import type { UpstreamId } from '../core/settings.ts';
import { sendErrorPage } from './error-page.ts';
import type { Exchange, HandleExchange } from './exchange.ts';
import { forward } from './forward.ts';
import { readRequestFields } from './headers.ts';
import { LIMITS } from './limits.ts';
import { Answer } from './respond.ts';
import { route, type FindDomain, type Route } from './route.ts';
import type { Upstream } from './upstream.ts';

/** An answer that needs no upstream (an ACME challenge, a redirect to https). */
export interface LocalAnswer {
  readonly status: number;
  readonly fields: readonly string[];
  readonly body: string;
}

/** Asked for each routed request of a listener; undefined: forward it. */
export type AnswerLocally = (
  exchange: Exchange,
  route: Route,
) => Promise<LocalAnswer | undefined> | undefined;

export interface CorridorOptions {
  readonly findDomain: FindDomain;
  readonly findUpstream: (id: UpstreamId) => Upstream | undefined;
  readonly emit: Emit;
  readonly answerLocally?: AnswerLocally;
}

/** `xxxxxxxx` of the process, then a number: unique enough to find a line in a log, cheap enough for every click. */
const createIds = (): (() => string) => {
  const prefix = randomBytes(5).toString('hex');
  let count = 0;
  return () => `${prefix}${(++count).toString(16).padStart(6, '0')}`;
};

const sendLocal = (exchange: Exchange, { status, fields, body }: LocalAnswer): void => {
  const bytes = Buffer.from(body);
  exchange.head(status, '', [...fields, 'Content-Length', String(bytes.length)]);
  if (exchange.method !== 'HEAD') exchange.write(bytes);
  exchange.end();
};

export const createCorridor = ({
  findDomain,
  findUpstream,
  emit,
  answerLocally,
}: CorridorOptions): HandleExchange => {
  const nextId = createIds();

  const refuse = (exchange: Exchange, error: GateError): void => {
    const { status } = error.entry;
    emit('request.refused', { listener: exchange.listener, code: error.code, status });
    sendErrorPage(exchange, status, nextId());
  };

  /** The routed request goes to its upstream. */
  const send = (exchange: Exchange, routed: Route, fields: ReturnType<typeof readRequestFields>): void => {
    const upstream = findUpstream(routed.domain.upstream);
    if (upstream === undefined)
      throw new GateError('ERR_INTERNAL', `upstream "${routed.domain.upstream}" is missing`);
    const answer = new Answer({ id: nextId(), domain: routed.domain.name, exchange, upstream, emit });
    forward(exchange, routed, fields, upstream, answer);
  };

  return (exchange) => {
    const guard = (step: () => void): void => {
      try {
        step();
      } catch (error) {
        refuse(exchange, toGateError(error));
      }
    };
    guard(() => {
      const fields = readRequestFields(exchange.fields, exchange.httpVersion, LIMITS.bodyBytes);
      const routed = route({ ...requestOf(exchange), host: fields.host }, findDomain);
      const local = answerLocally?.(exchange, routed);
      if (local === undefined) {
        send(exchange, routed, fields);
        return;
      }
      local.then(
        (answer) =>
          guard(() => (answer === undefined ? send(exchange, routed, fields) : sendLocal(exchange, answer))),
        (error: unknown) => guard(() => refuse(exchange, toGateError(error))),
      );
    });
  };
};

const requestOf = ({ method, target, servername }: Exchange) => ({ method, target, servername });
