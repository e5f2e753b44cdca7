// One request as a span of OpenTelemetry, in the JSON form of OTLP (opentelemetry-proto, trace.proto; ids in hex, numbers of 64 bits
// as text). Never its path: a click path is a credential.

import type { Events } from '../../core/events.ts';
import { clickKind } from '../request-kind.ts';

export type OtlpValue =
  { readonly stringValue: string } | { readonly intValue: string } | { readonly doubleValue: number };

export interface OtlpAttribute {
  readonly key: string;
  readonly value: OtlpValue;
}

export interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly OtlpAttribute[];
  readonly status: { readonly code?: number };
}

/** the trace that a request comes with */
export interface TraceParent {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

const SERVER = 2;
const ERROR = 2;

/** `version-traceid-parentid-flags`; a later version may have more fields after these (W3C Trace Context §3.2). */
const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** @returns undefined when it is no valid traceparent: the trace then begins here */
export const parseTraceparent = (text: string | undefined): TraceParent | undefined => {
  const [, version, traceId, spanId, flags, more] = TRACEPARENT.exec(text ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (version === '00' && more !== undefined) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
};

export const stringAttribute = (key: string, value: string): OtlpAttribute => ({
  key,
  value: { stringValue: value },
});
const intAttribute = (key: string, value: number): OtlpAttribute => ({
  key,
  value: { intValue: String(Math.trunc(value)) },
});

/** Methods have few names, but HTTP/2 lets a client send any. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']);

const nanos = (ms: number): string => `${Math.round(ms * 1000)}000`;

export interface SpanOptions {
  readonly event: Events['request.completed'];
  readonly parent: TraceParent | undefined;
  readonly endMs: number;
  /** hex digits: two for each byte */
  readonly randomHex: (bytes: number) => string;
}

/** @see OpenTelemetry semantic conventions for HTTP servers, stable since 1.23 */
export const requestSpan = ({ event, parent, endMs, randomHex }: SpanOptions): OtlpSpan => {
  const kind = clickKind(event.target);
  const method = METHODS.has(event.method) ? event.method : '_OTHER';
  const isError = event.status >= 500;
  return {
    traceId: parent?.traceId ?? randomHex(16),
    spanId: randomHex(8),
    ...(parent === undefined ? {} : { parentSpanId: parent.spanId }),
    name: `${method === '_OTHER' ? 'HTTP' : method} ${kind}`,
    kind: SERVER,
    startTimeUnixNano: nanos(endMs - event.durationMs),
    endTimeUnixNano: nanos(endMs),
    attributes: [
      stringAttribute('http.request.method', method),
      intAttribute('http.response.status_code', event.status),
      stringAttribute('server.address', event.domain),
      stringAttribute('url.scheme', event.listener),
      stringAttribute('network.protocol.version', event.httpVersion),
      stringAttribute('linkgate.kind', kind),
      stringAttribute('linkgate.request_id', event.id),
      ...(event.upstreamMs === undefined
        ? []
        : [{ key: 'linkgate.upstream_seconds', value: { doubleValue: event.upstreamMs / 1000 } }]),
      ...(event.errorCode === undefined
        ? isError
          ? [stringAttribute('error.type', String(event.status))]
          : []
        : [stringAttribute('error.type', event.errorCode)]),
    ],
    status: isError ? { code: ERROR } : {},
  };
};
