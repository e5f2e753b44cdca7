// Ceilings of the request corridor. Whatever the internet may send more of, has its number here.

export const LIMITS = Object.freeze({
  /** request line and fields of one HTTP/1 request, or the header list of one HTTP/2 request; above: 431 */
  headerBytes: 16 * 1024,
  headerFields: 100,
  bodyBytes: 1024 ** 2,
  tlsHandshakeMs: 10_000,
  headersMs: 10_000,
  requestMs: 30_000,
  keepAliveMs: 65_000,
  /** a connection on which nothing moves, in either direction */
  idleMs: 65_000,
  http2Streams: 100,
  http2ResetBurst: 200,
  http2ResetPerSecond: 30,
  /** requests that wait for an upstream connection, beside the ones that have one */
  upstreamQueue: 1024,
  /** silence in the middle of an upstream's body */
  upstreamBodyMs: 30_000,
  /** idle upstream connections are closed by us before the tracker's side does */
  upstreamKeepAliveMs: 30_000,
  upstreamConnectionMs: 300_000,
});
