// HTTP/1.0 and 1.1: Node's parser and clocks, one request of a connection at a time, and refusals that close the connection.
// Both listeners use it. It decides nothing about names, routes or upstreams.

import {
  createServer,
  STATUS_CODES,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';
import type { Emit, Listener } from '../../core/events.ts';
import { LinkgateError, type ErrorCode } from '../../core/errors.ts';
import type { Limits } from '../../core/settings.ts';
import { connectionFacts } from '../connections/connection-facts.ts';
import type { ConnectionUse } from '../connections/connections.ts';
import type { HandleExchange } from './exchange.ts';
import { Http1Exchange, type Http1Connection } from './http1-exchange.ts';
import { closeLingering, stopReading } from './linger.ts';

/**
 * A connection is not read while so many of its requests wait for the response to an earlier one. Browsers and mail scanners send none
 * ahead. One read may hold more: then they wait as well.
 */
const PIPELINED = 16;
/** Of all connections: each waiting request is some kilobytes. Above it a connection that sends ahead is cut. */
const MOST_WAITING = 8_192;

/** An open connection. */
interface Connection extends Http1Connection {
  /** the request in progress */
  current: Http1Exchange | undefined;
  /** pipelined (RFC 9112 §9.3.2): not acted on before the one ahead has its response */
  readonly waiting: [IncomingMessage, ServerResponse][];
  /** not read, because too many wait */
  isHeld: boolean;
  requests: number;
}

/** An error of Node's parser as one of our codes. */
const refusalOf = (code: string | undefined): ErrorCode => {
  if (code === 'HPE_HEADER_OVERFLOW') return 'ERR_REQUEST_HEADERS_TOO_LARGE';
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'ERR_REQUEST_TIMEOUT';
  return 'ERR_REQUEST_MALFORMED';
};

export interface Http1Options {
  readonly listener: Listener;
  readonly handle: HandleExchange;
  readonly emit: Emit;
  readonly limits: Limits;
  readonly use: ConnectionUse;
  /** true while the process drains: each response then closes its connection */
  readonly isDraining: () => boolean;
}

export interface Http1Stage {
  /** takes connections by `emit('connection', socket)`; it does not listen itself */
  readonly server: Server;
  /** closes connections without a request: kept ones at once, fresh ones after `graceMs` */
  drain(graceMs: number): void;
  /** how many are open */
  connections(): number;
}

const createNodeServer = (limits: Limits): Server => {
  const server = createServer({
    maxHeaderSize: limits.headerBytes,
    // Node refuses a time for the head that is longer than the time for the request.
    headersTimeout: Math.min(limits.headersMs, limits.requestMs),
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: Math.min(1_000, limits.headersMs, limits.requestMs),
    insecureHTTPParser: false,
    requireHostHeader: false, // serve/request/headers.ts checks it with the other framing rules
    noDelay: true,
  });
  // Node drops fields above this number and still frames the message by them. serve/request/headers.ts refuses such a request.
  server.maxHeadersCount = 0;
  return server;
};

class Http1Server implements Http1Stage {
  readonly server: Server;
  readonly #options: Http1Options;
  readonly #connections = new Map<Socket, Connection>();
  /** requests that wait for an earlier one, of all connections */
  #waiting = 0;

  constructor(options: Http1Options, server: Server) {
    this.#options = options;
    this.server = server;
  }

  /** Attaches the listeners and starts Node's clocks. */
  start(): void {
    const { server } = this;
    const onRequest = (request: IncomingMessage, response: ServerResponse): void =>
      this.#onRequest(request, response);
    server.on('connection', (socket: Socket) => this.#connectionOf(socket));
    server.on('request', onRequest);
    // With a listener Node sends no 100 and no 417: body() and serve/request/headers.ts do.
    server.on('checkContinue', onRequest);
    server.on('checkExpectation', onRequest);
    server.on('connect', (_request, socket: Socket) => this.#refuse(socket, 'ERR_REQUEST_UNSUPPORTED'));
    server.on('clientError', (error: NodeJS.ErrnoException, duplex) => {
      const socket = duplex as Socket;
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE' || !socket.writable) socket.destroy();
      else this.#refuse(socket, refusalOf(error.code));
    });
    // Node starts its connection clocks on this event, which a server that does not listen never gets
    server.emit('listening');
  }

  connections(): number {
    return this.#connections.size;
  }

  drain(graceMs: number): void {
    this.server.closeIdleConnections();
    setTimeout(() => {
      for (const [socket, { current }] of this.#connections) if (current === undefined) socket.destroy();
    }, graceMs).unref();
  }

  #connectionOf(socket: Socket): Connection {
    const known = this.#connections.get(socket);
    if (known !== undefined) return known;
    const { listener, isDraining } = this.#options;
    const connection: Connection = {
      facts: connectionFacts(listener, socket),
      isDraining,
      closing: false,
      current: undefined,
      waiting: [],
      isHeld: false,
      requests: 0,
      onOver: (request) => this.#next(connection, request),
    };
    this.#connections.set(socket, connection);
    socket.once('close', () => {
      this.#forget(connection);
      this.#connections.delete(socket);
    });
    return connection;
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const connection = this.#connectionOf(socket);
    // The request that closes the connection is whole: another one stands behind it.
    const { httpVersion } = request;
    if (connection.closing) stopReading(socket);
    // Node's parser takes HTTP/0.9, which a line feed in a target makes too, and HTTP/2.0 (RFC 9112 §2.3, §3).
    else if (httpVersion !== '1.1' && httpVersion !== '1.0') this.#refuse(socket, 'ERR_REQUEST_MALFORMED');
    else if (connection.current === undefined) this.#begin(connection, request, response);
    else this.#wait(connection, request, response);
  }

  #wait(connection: Connection, request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    if (this.#waiting >= MOST_WAITING) {
      stopReading(socket);
      socket.destroy();
      return;
    }
    this.#waiting += 1;
    connection.waiting.push([request, response]);
    if (connection.waiting.length < PIPELINED || connection.isHeld) return;
    connection.isHeld = true;
    socket.pause();
    // Node reads on whenever a response is over.
    socket.resume = () => socket;
  }

  /** @returns the next request that waits */
  #takeWaiting(connection: Connection, socket: Socket): [IncomingMessage, ServerResponse] | undefined {
    const next = connection.waiting.shift();
    if (next !== undefined) this.#waiting -= 1;
    if (connection.isHeld && connection.waiting.length === 0) {
      connection.isHeld = false;
      delete (socket as Partial<Socket>).resume;
      socket.resume();
    }
    return next;
  }

  /** The requests that wait are never handled. */
  #forget({ waiting }: Connection): void {
    this.#waiting -= waiting.length;
    waiting.length = 0;
  }

  #begin(connection: Connection, request: IncomingMessage, response: ServerResponse): void {
    const { handle, limits, use } = this.#options;
    use.busy(request.socket);
    const exchange = new Http1Exchange(connection, request, response);
    connection.current = exchange;
    connection.requests += 1;
    if (connection.requests >= limits.requestsPerConnection) exchange.closeAfter();
    handle(exchange);
  }

  #next(connection: Connection, { socket }: IncomingMessage): void {
    connection.current = undefined;
    if (connection.closing) this.#forget(connection);
    const waiting = this.#takeWaiting(connection, socket);
    if (waiting !== undefined) {
      this.#begin(connection, ...waiting);
      return;
    }
    this.#options.use.idle(socket);
    // a response whose head was sent before the drain began promised to keep the connection
    if (this.#options.isDraining()) socket.destroySoon();
  }

  /** Refuses bytes that are no request: there is no Exchange, no route and no name. */
  #refuse(socket: Socket, code: ErrorCode): void {
    const connection = this.#connectionOf(socket);
    if (connection.closing) return;
    const { current } = connection;
    const error = new LinkgateError(code, 'request could not be parsed, or came too slowly');
    const { status } = error.entry;
    this.#forget(connection);
    if (current?.receiving === true && current.onFault !== undefined) {
      current.onFault(error);
      return;
    }
    const { emit, listener } = this.#options;
    emit('request.refused', { listener, code, status });
    if (current !== undefined) {
      // the request ahead was good: its response is sent whole, and nothing after it
      current.closeAfter();
      stopReading(socket);
      return;
    }
    connection.closing = true;
    socket.write(
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
    );
    closeLingering(socket);
  }
}

/**
 * An HTTP/1 server that takes connections (`emit('connection', socket)`) and does not listen itself.
 * Its clocks run from the start: head within `headersMs`, whole request within `requestMs`, idle `keepAliveMs`.
 */
export const createHttp1Server = (options: Http1Options): Http1Stage => {
  const http1 = new Http1Server(options, createNodeServer(options.limits));
  http1.start();
  return http1;
};
