// HTTP/1.0 and 1.1: Node's parser and clocks, one request of a connection at a time, and refusals that close.
// Both listeners use it; it decides nothing about names, routes or upstreams.

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
import type { HandleExchange } from './exchange.ts';
import { closeLingering, Http1Exchange, type Http1Connection } from './http1-exchange.ts';

/** Requests a client may send ahead of its answers; browsers and mail scanners send none. */
const PIPELINED = 16;

/** An open connection. */
interface Connection extends Http1Connection {
  /** the request being answered */
  current: Http1Exchange | undefined;
  /** sent ahead (RFC 9112 §9.3.2): not acted on before the one in front is answered */
  readonly waiting: [IncomingMessage, ServerResponse][];
  requests: number;
}

/** What Node's parser says, as one of our codes. */
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
  /** true while the process drains: each answer then closes its connection */
  readonly isDraining: () => boolean;
}

export interface Http1Stage {
  /** fed connections (`emit('connection', socket)`); it does not listen itself */
  readonly server: Server;
  /** closes connections that carry no request: kept ones at once, fresh ones when they had `graceMs` to ask */
  drain(graceMs: number): void;
  /** how many are open */
  connections(): number;
}

/**
 * An HTTP/1 server that is fed connections (`emit('connection', socket)`) and does not listen itself.
 * Its clocks run from the start: head within `headersMs`, whole request within `requestMs`, idle `keepAliveMs`.
 */
export const createHttp1Server = ({
  listener,
  handle,
  emit,
  limits,
  isDraining,
}: Http1Options): Http1Stage => {
  const connections = new Map<Socket, Connection>();
  const connectionOf = (socket: Socket): Connection => {
    let connection = connections.get(socket);
    if (connection === undefined) {
      const facts = connectionFacts(listener, socket);
      const made: Connection = {
        facts,
        isDraining,
        closing: false,
        current: undefined,
        waiting: [],
        requests: 0,
        onOver: (request) => next(made, request),
      };
      connection = made;
      connections.set(socket, connection);
      socket.once('close', () => connections.delete(socket));
    }
    return connection;
  };

  const server = createServer({
    maxHeaderSize: limits.headerBytes,
    // Node refuses a head that may take longer than the whole
    headersTimeout: Math.min(limits.headersMs, limits.requestMs),
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: Math.min(1_000, limits.headersMs, limits.requestMs),
    insecureHTTPParser: false,
    requireHostHeader: false, // ours: serve/request/headers.ts answers it like every other framing rule
    noDelay: true,
  });
  // Node would drop what is past the number and frame by it all the same; serve/request/headers.ts refuses instead
  server.maxHeadersCount = 0;

  const start = (connection: Connection, request: IncomingMessage, response: ServerResponse): void => {
    const exchange = new Http1Exchange(connection, request, response);
    connection.current = exchange;
    connection.requests += 1;
    if (connection.requests >= limits.requestsPerConnection) exchange.closeAfter();
    handle(exchange);
  };

  const next = (connection: Connection, { socket }: IncomingMessage): void => {
    connection.current = undefined;
    const waiting = connection.closing ? undefined : connection.waiting.shift();
    if (waiting !== undefined) start(connection, ...waiting);
    // an answer whose head was out before the drain began promised more; there is no more
    else if (isDraining()) socket.destroySoon();
  };

  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const { socket } = request;
    const connection = connectionOf(socket);
    if (connection.closing) return;
    if (connection.current === undefined) start(connection, request, response);
    else if (connection.waiting.length < PIPELINED) connection.waiting.push([request, response]);
    else socket.destroy();
  };
  server.on('connection', connectionOf);
  server.on('request', onRequest);
  // with a listener of ours Node does not answer 100 or 417 by itself: body() and serve/request/headers.ts do
  server.on('checkContinue', onRequest);
  server.on('checkExpectation', onRequest);

  /** Refuses what is not even a request: no Exchange, no route, no name. */
  const refuse = (socket: Socket, code: ErrorCode): void => {
    const connection = connectionOf(socket);
    if (connection.closing) return;
    const { current } = connection;
    const error = new LinkgateError(code, 'request could not be parsed, or came too slowly');
    const { status } = error.entry;
    connection.waiting.length = 0;
    if (current?.receiving === true && current.onFault !== undefined) {
      current.onFault(error);
      return;
    }
    emit('request.refused', { listener, code, status });
    if (current !== undefined) {
      // the request in front was good: its answer goes out whole, and nothing behind it
      current.closeAfter();
      return;
    }
    connection.closing = true;
    socket.write(
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
    );
    closeLingering(socket);
  };

  server.on('connect', (_request, socket: Socket) => refuse(socket, 'ERR_REQUEST_UNSUPPORTED'));
  server.on('clientError', (error: NodeJS.ErrnoException, duplex) => {
    const socket = duplex as Socket;
    if (error.code === 'ECONNRESET' || error.code === 'EPIPE' || !socket.writable) socket.destroy();
    else refuse(socket, refusalOf(error.code));
  });
  // Node starts its connection clocks on this event; a server that is fed would never get it
  server.emit('listening');
  return {
    server,
    connections: () => connections.size,
    drain: (graceMs) => {
      server.closeIdleConnections();
      setTimeout(() => {
        for (const [socket, { current }] of connections) if (current === undefined) socket.destroy();
      }, graceMs).unref();
    },
  };
};
