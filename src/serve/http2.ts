// HTTP/2: Node's sessions and streams on one side, the Exchange on the other (RFC 9113).
// Only the https listener uses it; it decides nothing about names, routes or upstreams.

import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { peerAddressOf, type Exchange, type FieldLines, type HandleExchange } from './exchange.ts';
import { LIMITS } from './limits.ts';

/** Flat list → Node's object; repeated fields become arrays, which Node sends as separate lines. */
const toHeaders = (fields: FieldLines): OutgoingHttpHeaders => {
  const headers: OutgoingHttpHeaders = Object.create(null);
  for (let i = 0; i < fields.length; i += 2) {
    const name = (fields[i] as string).toLowerCase();
    const value = fields[i + 1] as string;
    const before = headers[name];
    headers[name] = before === undefined ? value : [before as string | string[], value].flat();
  }
  return headers;
};

interface RequestHead {
  readonly method: string;
  readonly target: string;
  readonly fields: string[];
}

/**
 * Pseudo-fields apart, `:authority` as Host (RFC 9113 §8.3.1), Cookie crumbs joined again (§8.2.3).
 * An `:authority` and a Host that differ both stay: two Hosts are refused by headers.ts.
 */
const readHead = (raw: FieldLines): RequestHead => {
  let method = '';
  let target = '';
  let authority: string | undefined;
  let cookie: string | undefined;
  const fields: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    if (name === ':method') method = value;
    else if (name === ':path') target = value;
    else if (name === ':authority') authority = value;
    else if (name === 'cookie') cookie = cookie === undefined ? value : `${cookie}; ${value}`;
    else if (name === 'host' && authority !== undefined && value.toLowerCase() === authority.toLowerCase())
      continue;
    else if (!name.startsWith(':')) fields.push(name, value);
  }
  if (authority !== undefined) fields.push('host', authority);
  if (cookie !== undefined) fields.push('cookie', cookie);
  return { method, target, fields };
};

class Http2Exchange implements Exchange {
  readonly listener = 'https';
  readonly httpVersion = '2';
  readonly method: string;
  readonly target: string;
  readonly servername: string | false;
  readonly fields: FieldLines;
  readonly peerAddress: string;
  readonly startedMs = performance.now();
  onDrain: (() => void) | undefined;
  onClose: ((finished: boolean) => void) | undefined;
  readonly #stream: ServerHttp2Stream;
  readonly #withoutBody: boolean;

  constructor(stream: ServerHttp2Stream, headFields: FieldLines) {
    const { method, target, fields } = readHead(headFields);
    const socket = stream.session?.socket as TLSSocket | undefined;
    this.method = method;
    this.target = target;
    this.fields = fields;
    this.servername = (socket?.servername ?? false) as string | false;
    this.peerAddress = peerAddressOf(socket?.remoteAddress);
    this.#stream = stream;
    this.#withoutBody = stream.endAfterHeaders;
    stream.on('drain', () => this.onDrain?.());
    stream.on('error', () => undefined);
    stream.on('close', () => {
      this.onClose?.(stream.writableFinished && stream.rstCode === constants.NGHTTP2_NO_ERROR);
    });
  }

  body(): Readable | undefined {
    return this.#withoutBody ? undefined : this.#stream;
  }

  inform(): void {
    // as in http1.ts
  }

  head(status: number, _reason: string, fields: FieldLines): void {
    const headers = toHeaders(fields);
    headers[':status'] = status;
    this.#stream.respond(headers, { endStream: this.method === 'HEAD' || status === 204 || status === 304 });
  }

  write(chunk: Buffer): boolean {
    return this.#stream.write(chunk);
  }

  end(): void {
    this.#stream.end();
  }

  abort(): void {
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  closeAfter(): void {
    // a stream can be refused alone; the session's own limits close the session
    if (this.#withoutBody) return;
    this.#stream.on('finish', () => this.#stream.close(constants.NGHTTP2_NO_ERROR));
  }
}

export interface Http2Options {
  readonly handle: HandleExchange;
  readonly isDraining: () => boolean;
}

export interface Http2Front {
  /** fed TLS connections that chose `h2` (`emit('connection', socket)`) */
  readonly server: Http2Server;
  /** GOAWAY to every session; each closes when its streams are done (RFC 9113 §6.8) */
  drain(): void;
}

export const createHttp2Server = ({ handle, isDraining }: Http2Options): Http2Front => {
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer({
    settings: {
      enablePush: false,
      maxConcurrentStreams: LIMITS.http2Streams,
      maxHeaderListSize: LIMITS.headerBytes,
      initialWindowSize: 64 * 1024,
    },
    maxSessionInvalidFrames: 10,
    maxSessionRejectedStreams: 10,
    maxHeaderListPairs: LIMITS.headerFields + 5,
    maxSendHeaderBlockLength: 64 * 1024,
    streamResetBurst: LIMITS.http2ResetBurst,
    streamResetRate: LIMITS.http2ResetPerSecond,
    unknownProtocolTimeout: 1_000,
  } as Parameters<typeof createServer>[0]);
  server.on('session', (session) => {
    sessions.add(session);
    session.setTimeout(LIMITS.idleMs, () => session.close());
    session.on('close', () => sessions.delete(session));
    if (isDraining()) session.close();
  });
  server.on('sessionError', () => undefined);
  server.on(
    'stream',
    (stream: ServerHttp2Stream, _headers: IncomingHttpHeaders, _flags, rawHeaders?: string[]) => {
      handle(new Http2Exchange(stream, rawHeaders ?? []));
    },
  );
  return {
    server,
    drain: () => {
      for (const session of sessions) session.close();
    },
  };
};
