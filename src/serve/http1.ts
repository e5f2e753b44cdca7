// HTTP/1.0 and 1.1: Node's parser and connection life on one side, the Exchange on the other.
// Both listeners use it; it decides nothing about names, routes or upstreams.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Emit, Listener } from '../core/events.ts';
import { ERRORS, type ErrorCode } from '../core/errors.ts';
import { peerAddressOf, type Exchange, type FieldLines, type HandleExchange } from './exchange.ts';
import { LIMITS } from './limits.ts';

/** An open connection's own facts, made once. */
interface Connection {
  readonly peerAddress: string;
  readonly servername: string | false | undefined;
  /** an answer is under way: nothing else may be written */
  busy: boolean;
}

class Http1Exchange implements Exchange {
  readonly listener: Listener;
  readonly httpVersion: '1.0' | '1.1';
  readonly method: string;
  readonly target: string;
  readonly servername: string | false | undefined;
  readonly fields: FieldLines;
  readonly peerAddress: string;
  readonly startedMs = performance.now();
  onDrain: (() => void) | undefined;
  onClose: ((finished: boolean) => void) | undefined;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;

  constructor(
    listener: Listener,
    connection: Connection,
    request: IncomingMessage,
    response: ServerResponse,
  ) {
    this.listener = listener;
    this.httpVersion = request.httpVersion === '1.0' ? '1.0' : '1.1';
    this.method = request.method ?? '';
    this.target = request.url ?? '';
    this.servername = connection.servername;
    this.fields = request.rawHeaders;
    this.peerAddress = connection.peerAddress;
    this.#request = request;
    this.#response = response;
    response.on('drain', () => this.onDrain?.());
    response.on('close', () => this.onClose?.(response.writableFinished));
    response.on('error', () => undefined);
    request.on('error', () => undefined);
  }

  body(framed: boolean): Readable | undefined {
    if (!framed) return undefined;
    if (this.httpVersion === '1.1' && this.#request.headers.expect !== undefined)
      this.#response.writeContinue();
    return this.#request;
  }

  inform(): void {
    // interim answers other than 100 are not passed on yet (RFC 9110 §15.2 lets a proxy drop what it did not ask for)
  }

  head(status: number, reason: string, fields: FieldLines): void {
    // a flat list keeps order and repetition; Node adds Date (RFC 9110 §6.6.1), Connection and the framing
    this.#response.writeHead(status, reason, fields as string[]);
    // the body mostly comes in the same read: only a head that stays alone is flushed alone
    process.nextTick(() => {
      if (!this.#response.headersSent || this.#response.writableEnded) return;
      this.#response.flushHeaders();
    });
  }

  write(chunk: Buffer): boolean {
    return this.#response.write(chunk);
  }

  end(): void {
    this.#response.end();
  }

  abort(): void {
    const { socket } = this.#request;
    // a TLS socket cannot send RST itself; without close_notify the cut is visible (RFC 8446 §6.1)
    if (this.listener === 'http') socket.resetAndDestroy();
    else socket.destroy();
  }

  closeAfter(): void {
    this.#response.shouldKeepAlive = false;
    // a request body that nobody will read must not keep the connection
    this.#response.on('finish', () => {
      if (!this.#request.complete) this.#request.socket.destroySoon();
    });
  }
}

/** What Node's parser says, as one of our codes. */
const refusalOf = (code: string | undefined): ErrorCode => {
  if (code === 'HPE_HEADER_OVERFLOW') return 'ERR_REQUEST_HEADERS_TOO_LARGE';
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'ERR_REQUEST_TIMEOUT';
  return 'ERR_REQUEST_MALFORMED';
};

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};

export interface Http1Options {
  readonly listener: Listener;
  readonly handle: HandleExchange;
  readonly emit: Emit;
  /** true while the process drains: each answer then closes its connection */
  readonly isDraining: () => boolean;
}

/**
 * An HTTP/1 server that is fed connections (`emit('connection', socket)`) and does not listen itself.
 * Its clocks run from the start: head within `headersMs`, whole request within `requestMs`, idle `keepAliveMs`.
 */
export const createHttp1Server = ({ listener, handle, emit, isDraining }: Http1Options): Server => {
  const connections = new WeakMap<Socket, Connection>();
  const connectionOf = (socket: Socket): Connection => {
    let connection = connections.get(socket);
    if (connection === undefined) {
      connection = {
        peerAddress: peerAddressOf(socket.remoteAddress),
        servername: listener === 'https' ? ((socket as TLSSocket).servername as string | false) : undefined,
        busy: false,
      };
      connections.set(socket, connection);
    }
    return connection;
  };

  const server = createServer({
    maxHeaderSize: LIMITS.headerBytes,
    headersTimeout: LIMITS.headersMs,
    requestTimeout: LIMITS.requestMs,
    keepAliveTimeout: LIMITS.keepAliveMs,
    connectionsCheckingInterval: 1_000,
    insecureHTTPParser: false,
    requireHostHeader: false, // ours: headers.ts answers it like every other framing rule
    noDelay: true,
  });
  // Node would drop what is past the number and frame by it all the same; headers.ts refuses instead
  server.maxHeadersCount = 0;
  // a client that neither reads nor writes; Node's default is to wait for ever
  server.timeout = LIMITS.idleMs;

  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const connection = connectionOf(request.socket);
    connection.busy = true;
    response.on('close', () => {
      connection.busy = false;
    });
    const exchange = new Http1Exchange(listener, connection, request, response);
    if (isDraining()) exchange.closeAfter();
    handle(exchange);
  };
  server.on('request', onRequest);
  // with a listener of ours Node does not answer 100 or 417 by itself: body() and headers.ts do
  server.on('checkContinue', onRequest);
  server.on('checkExpectation', onRequest);
  server.on('connect', (_request, socket) => {
    emit('request.refused', { listener, code: 'ERR_REQUEST_UNSUPPORTED', status: 501 });
    socket.end('HTTP/1.1 501 Not Implemented\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  });
  server.on('clientError', (error: NodeJS.ErrnoException, duplex) => {
    const socket = duplex as Socket;
    if (error.code === 'ECONNRESET' || error.code === 'EPIPE' || !socket.writable) {
      socket.destroy();
      return;
    }
    const code = refusalOf(error.code);
    const { status } = ERRORS[code];
    emit('request.refused', { listener, code, status });
    // an answer already under way must not get a second head in its middle
    if (connections.get(socket)?.busy !== true) {
      socket.end(
        `HTTP/1.1 ${status} ${REASONS[status] ?? ''}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
      );
      socket.setTimeout(1_000, () => socket.destroy());
    } else {
      socket.destroy();
    }
  });
  // Node starts its connection clocks on this event; a server that is fed would never get it
  server.emit('listening');
  return server;
};
