// HTTP/2: Node's sessions with limits of our own; each stream becomes an Exchange (RFC 9113).
// Only the https listener uses it; it decides nothing about names, routes or upstreams.

import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import type { Limits } from '../../core/settings.ts';
import { connectionFacts, type ConnectionFacts } from '../connections/connection-facts.ts';
import type { ConnectionUse } from '../connections/connections.ts';
import type { HandleExchange } from './exchange.ts';
import { hasNoContent } from './content.ts';
import { Http2Exchange } from './http2-exchange.ts';

export interface Http2Options {
  readonly handle: HandleExchange;
  readonly limits: Limits;
  readonly use: ConnectionUse;
  readonly isDraining: () => boolean;
}

export interface Http2Stage {
  /** takes TLS connections that chose `h2` (`emit('connection', socket)`) */
  readonly server: Http2Server;
  /**
   * Sends GOAWAY to every session, to a new one after `graceMs` for its first request; each closes when its streams are done (RFC 9113
   * §6.8). Also for sessions that begin later.
   */
  drain(graceMs: number): void;
  /** how many are open */
  connections(): number;
}

interface Session {
  readonly facts: ConnectionFacts;
  readonly socket: Socket;
  /** all so far */
  streams: number;
  /** of them open now */
  open: number;
  /** called when the last of them closes */
  readonly rest: () => void;
  /** counts a stream that the client closed before the response; @returns whether the session may go on */
  readonly mayReset: () => boolean;
}

/**
 * Limits, as a burst and a rate, for frames that cost the client nothing and us some work: streams that are opened and reset
 * (CVE-2023-44487), PING and SETTINGS (CVE-2019-9512, CVE-2019-9515). Node 20 has no setting for it; nghttp2's limit of 1,000 resets leaves
 * the connection open.
 */
const createBudget = ({
  http2ResetBurst: burst,
  http2ResetsPerSecond: perSecond,
}: Limits): (() => boolean) => {
  let left = burst;
  let reckonedMs = performance.now();
  return () => {
    const now = performance.now();
    left = Math.min(burst, left + ((now - reckonedMs) / 1_000) * perSecond) - 1;
    reckonedMs = now;
    return left >= 0;
  };
};

/**
 * Closes a session while the process drains: at once; a session without a request so far after its first response (closeAfter of the
 * stream), or after `graceMs`.
 */
const leave = (session: ServerHttp2Session, { streams }: Session, graceMs: number): void => {
  if (streams > 0) {
    session.close();
    return;
  }
  const timer = setTimeout(() => session.close(), graceMs).unref();
  session.once('close', () => clearTimeout(timer));
};

const calm = (session: ServerHttp2Session): void =>
  session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);

interface UntilEnd {
  readonly exchange: Http2Exchange;
  readonly stream: ServerHttp2Stream;
  readonly waitMs: number;
  readonly go: () => void;
}

/** A closed session is cut after this time if its client does not close. */
const LINGER_MS = 1_000;

/**
 * Idle means without a stream: a session that only pings, or ignores GOAWAY, ends too. Node's idle time (`session.setTimeout`) starts again
 * with every frame, and ends the session but not its socket.
 * @returns a function to call when a session has no stream any more
 */
const endWhenIdle = (
  session: ServerHttp2Session,
  socket: Socket,
  idleMs: number,
  isIdle: () => boolean,
): (() => void) => {
  let linger: NodeJS.Timeout | undefined;
  const idle = setTimeout(() => {
    if (!isIdle()) return;
    session.close();
    linger = setTimeout(() => socket.destroy(), LINGER_MS);
  }, idleMs);
  socket.once('close', () => {
    clearTimeout(idle);
    clearTimeout(linger);
  });
  return () => {
    if (!socket.destroyed) idle.refresh();
  };
};

/**
 * A GET may end its stream with an empty DATA frame: wait for it, to tell such a GET from one with content. A stream that does neither ends
 * after the time of a request.
 */
const untilEnd = ({ exchange, stream, waitMs, go }: UntilEnd): void => {
  let gone = false;
  const timer = setTimeout(() => exchange.abort(), waitMs);
  const once = (): void => {
    clearTimeout(timer);
    if (gone) return;
    gone = true;
    go();
  };
  stream.on('close', () => clearTimeout(timer));
  stream.on('data', () => {
    exchange.strayContent = true;
    once();
  });
  stream.on('end', once);
};

/**
 * Browsers send a field for each cookie (RFC 9113 §8.2.3) and keep 180 or more of a site. The cookies are joined, and count as one field for
 * the limits in headers.ts, which respond with a 431. Above a number of fields, or a size of the list, Node resets the stream and reports
 * nothing. So this much more than the limit is read.
 */
const READ_TO_REFUSE = 8;
/** RFC 9113 §6.5.2: bytes that each field counts in a header list, in addition to its name and value */
const FIELD_OVERHEAD_BYTES = 32;

const createNodeServer = (limits: Limits): Http2Server => {
  const headerListBytes = limits.headerBytes * READ_TO_REFUSE + limits.headerFields * FIELD_OVERHEAD_BYTES;
  return createServer({
    settings: {
      enablePush: false,
      maxConcurrentStreams: limits.http2Streams,
      // Announced to the client; Node enforces it after the client's acknowledgement.
      maxHeaderListSize: headerListBytes,
      initialWindowSize: 64 * 1024,
    },
    maxSessionInvalidFrames: 10,
    maxSessionRejectedStreams: 10,
    maxOutstandingPings: 10,
    maxSettings: 32,
    // No list of this size has more fields: the size alone decides.
    maxHeaderListPairs: Math.ceil(headerListBytes / FIELD_OVERHEAD_BYTES),
    maxSendHeaderBlockLength: 128 * 1024,
    unknownProtocolTimeout: 1_000,
  } as Parameters<typeof createServer>[0]);
};

export const createHttp2Server = ({ handle, limits, use, isDraining }: Http2Options): Http2Stage => {
  const sessions = new Map<ServerHttp2Session, Session>();
  let drainGraceMs = 0;
  const server = createNodeServer(limits);

  // Node's listener makes the session at once: the socket of a session is the last one.
  let accepted: Socket | undefined;
  server.prependListener('connection', (socket: Socket) => {
    accepted = socket;
  });
  server.on('session', (session) => {
    const socket = accepted ?? (session.socket as Socket);
    const facts = connectionFacts('https', socket);
    const rest = endWhenIdle(session, socket, limits.keepAliveMs, () => known.open === 0);
    const known: Session = { facts, socket, streams: 0, open: 0, rest, mayReset: createBudget(limits) };
    sessions.set(session, known);
    const mayControl = createBudget(limits);
    const onControl = (): void => {
      if (!mayControl()) calm(session);
    };
    session.on('ping', onControl);
    session.on('remoteSettings', onControl);
    session.setTimeout(limits.keepAliveMs, () => {
      session.close();
      // Streams that neither end nor move would keep it open.
      session.setTimeout(Math.min(limits.keepAliveMs, limits.writeIdleMs), () => session.destroy());
    });
    session.on('close', () => sessions.delete(session));
    if (isDraining()) leave(session, known, drainGraceMs);
  });
  server.on('sessionError', () => undefined);
  server.on(
    'stream',
    (stream: ServerHttp2Stream, _headers: IncomingHttpHeaders, _flags, rawHeaders?: string[]) => {
      const { session } = stream;
      const known = session === undefined ? undefined : sessions.get(session as ServerHttp2Session);
      if (known === undefined) {
        stream.destroy();
        return;
      }
      known.streams += 1;
      known.open += 1;
      if (known.open === 1) use.busy(known.socket);
      const exchange = new Http2Exchange(known.facts, stream, rawHeaders ?? []);
      stream.on('close', () => {
        known.open -= 1;
        if (known.open === 0) {
          known.rest();
          use.idle(known.socket);
        }
        if (exchange.cutByClient && !known.mayReset()) calm(session as ServerHttp2Session);
      });
      if (known.streams >= limits.requestsPerConnection || isDraining()) exchange.closeAfter();
      if (hasNoContent(exchange.method) && !stream.endAfterHeaders)
        untilEnd({ exchange, stream, waitMs: limits.requestMs, go: () => handle(exchange) });
      else handle(exchange);
    },
  );
  return {
    server,
    connections: () => sessions.size,
    drain: (graceMs) => {
      drainGraceMs = graceMs;
      for (const [session, known] of sessions) leave(session, known, graceMs);
    },
  };
};
