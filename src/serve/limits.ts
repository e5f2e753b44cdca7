// Limits of the request path: the defaults, and the response above each.

import type { Limits } from '../core/settings.ts';

/**
 * | limit | when it is passed |
 * |---|---|
 * | headerBytes, headerFields | 431 (RFC 6585 §5), the connection closes |
 * | bodyBytes | 413 (RFC 9110 §15.5.14), the connection closes |
 * | headersMs, requestMs | 408 (RFC 9110 §15.5.9), the connection closes |
 * | tlsHandshakeMs, keepAliveMs, writeIdleMs | the connection closes |
 * | requestsPerConnection | `Connection: close`, GOAWAY |
 * | connections, connectionsPerAddress | the connection that was idle longest is closed; without one, the new one, unread |
 * | http2Streams | REFUSED_STREAM (RFC 9113 §5.1.2) |
 * | http2Reset…, also for PING and SETTINGS frames | GOAWAY |
 * | upstreamQueue | 503 with Retry-After |
 */
export const DEFAULT_LIMITS: Limits = Object.freeze({
  headerBytes: 16 * 1024,
  headerFields: 100,
  bodyBytes: 1024 ** 2,
  tlsHandshakeMs: 10_000,
  headersMs: 10_000,
  requestMs: 30_000,
  keepAliveMs: 65_000,
  writeIdleMs: 30_000,
  requestsPerConnection: 10_000,
  connections: 20_000,
  connectionsPerAddress: 1_000,
  http2Streams: 100,
  http2ResetBurst: 200,
  http2ResetsPerSecond: 30,
  upstreamQueue: 1_024,
  upstreamBodyMs: 30_000,
  upstreamIdleMs: 30_000,
  upstreamConnectionMs: 300_000,
});

/** The defaults with some of them changed. */
export const withDefaults = (limits: Partial<Limits> = {}): Limits =>
  Object.freeze({ ...DEFAULT_LIMITS, ...limits });
