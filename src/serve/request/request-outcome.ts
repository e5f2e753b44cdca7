// The one event at the end of a routed request, for the metrics and the access log.

import type { Emit } from '../../core/events.ts';
import type { ErrorCode } from '../../core/errors.ts';
import { networkOf } from '../connections/ip-addresses.ts';
import type { ConnectionFacts } from '../connections/connection-facts.ts';
import type { Exchange } from '../http/exchange.ts';

export interface Outcome {
  readonly id: string;
  /** name of the configured domain */
  readonly domain: string;
  readonly clientAddress: string;
  /** as the client sent it */
  readonly traceparent: string | undefined;
  /** 0: the client left before any response */
  status: number;
  bytes: number;
  upstreamMs: number | undefined;
  errorCode: ErrorCode | undefined;
}

export const newOutcome = (
  id: string,
  domain: string,
  clientAddress: string,
  traceparent?: string,
): Outcome => ({
  id,
  domain,
  clientAddress,
  traceparent,
  status: 0,
  bytes: 0,
  upstreamMs: undefined,
  errorCode: undefined,
});

/** The client is the peer, unless a trusted proxy spoke for it. */
const networkOfClient = (
  { peerAddress, peerNetwork }: Pick<ConnectionFacts, 'peerAddress' | 'peerNetwork'>,
  clientAddress: string,
): string => (clientAddress === peerAddress ? peerNetwork : networkOf(clientAddress));

/** @param complete - the whole response was handed to the system */
export const emitOutcome = (emit: Emit, exchange: Exchange, outcome: Outcome, complete: boolean): void => {
  emit('request.completed', {
    id: outcome.id,
    domain: outcome.domain,
    listener: exchange.listener,
    httpVersion: exchange.httpVersion,
    method: exchange.method,
    target: exchange.target,
    // nginx's status for a client that left before any response.
    status: outcome.status === 0 ? 499 : outcome.status,
    bytes: outcome.bytes,
    durationMs: performance.now() - exchange.startedMs,
    complete,
    network: networkOfClient(exchange.connection, outcome.clientAddress),
    tls: exchange.connection.tls,
    upstreamMs: outcome.upstreamMs,
    errorCode: outcome.errorCode,
    traceparent: outcome.traceparent,
  });
};
