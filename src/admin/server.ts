// The admin port: metrics, health, status. Listens on loopback, reads nothing from a request but its method, path and
// Host, and never throws. What it shows comes from functions that are passed in.

import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { isIPv4 } from 'node:net';
import { GateError } from '../core/errors.ts';
import type { ListenAddress } from '../core/settings.ts';

/** Everything a request to this port may use up. */
const LIMITS = {
  connections: 256,
  requestsPerConnection: 1000,
  headerBytes: 8 * 1024,
  headersMs: 5_000,
  requestMs: 10_000,
  idleMs: 30_000,
  answerMs: 10_000,
} as const;

const TEXT = 'text/plain; charset=utf-8';

export interface AdminServerOptions {
  /** bound already, on loopback */
  readonly socket: { readonly handle: object; readonly address: ListenAddress };
  /** for a scraper with this Accept field */
  readonly metrics: (accept: string | undefined) => Promise<{ readonly type: string; readonly text: string }>;
  /** listeners are up and settings loaded; false while draining */
  readonly ready: () => boolean;
  /** the object of /api/status */
  readonly status: () => Promise<object>;
  /** hears of errors in what was passed in; the client sees only that there was one */
  readonly onError: (error: unknown) => void;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

type Show = (request: IncomingMessage) => Answer | Promise<Answer>;

/**
 * Whether a Host field names this machine itself. A page on the web can make a browser send requests here under a name
 * of its own that resolves to 127.0.0.1 (DNS rebinding), but not under these.
 */
const isLocalHost = (host: string | undefined): boolean => {
  const name = /^(\[[^\]]*\]|[^:]*)(?::\d{1,5})?$/.exec(host ?? '')?.[1]?.toLowerCase();
  if (name === undefined) return false;
  return name === 'localhost' || name === '[::1]' || (isIPv4(name) && name.startsWith('127.'));
};

export class AdminServer {
  readonly #options: AdminServerOptions;
  #server: Server | undefined;

  constructor(options: AdminServerOptions) {
    this.#options = options;
  }

  /** @throws GateError `ERR_LISTEN_IN_USE` when the socket's address was taken since it was bound */
  async start(): Promise<void> {
    const server = createServer(
      {
        maxHeaderSize: LIMITS.headerBytes,
        headersTimeout: LIMITS.headersMs,
        requestTimeout: LIMITS.requestMs,
        keepAliveTimeout: LIMITS.idleMs,
        connectionsCheckingInterval: 1000,
      },
      (request, response) => void this.#serve(request, response),
    );
    server.maxConnections = LIMITS.connections;
    server.maxRequestsPerSocket = LIMITS.requestsPerConnection;
    server.on('clientError', (_error, socket) => socket.destroy());
    // a client that asks and then does not read is cut off as well
    server.setTimeout(LIMITS.idleMs, (socket) => socket.destroy());
    const { handle, address } = this.#options.socket;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => {
        const where = `${address.host}:${address.port}`;
        reject(new GateError('ERR_LISTEN_IN_USE', `admin listener cannot listen on "${where}"`, { cause }));
      });
      server.listen(handle, resolve);
    });
    server.removeAllListeners('error').on('error', this.#options.onError);
    this.#server = server;
  }

  /** Stops listening and ends what is open within `graceMs`. Safe to call twice, never rejects. */
  async stop(graceMs = 1000): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    server.closeIdleConnections();
    const cut = setTimeout(() => server.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(cut);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined);
    // nothing here takes a body
    request.resume();
    let answer: Answer;
    try {
      answer = await this.#answer(request, response);
    } catch (error) {
      this.#options.onError(error);
      answer = { status: 500, type: TEXT, body: 'failed\n' };
    }
    const body = Buffer.from(answer.body);
    response.writeHead(answer.status, {
      'Content-Type': answer.type,
      'Content-Length': body.length,
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<Answer> {
    if (!isLocalHost(request.headers.host)) {
      return { status: 421, type: TEXT, body: 'this port answers to localhost, 127.0.0.1 and [::1] only\n' };
    }
    const show = this.#routes().get(request.url?.split('?')[0] ?? '');
    if (show === undefined) return { status: 404, type: TEXT, body: 'not found\n' };
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      return { status: 405, type: TEXT, body: 'only GET and HEAD\n' };
    }
    return withDeadline(show(request));
  }

  #routes(): ReadonlyMap<string, Show> {
    const { metrics, ready, status } = this.#options;
    return new Map<string, Show>([
      ['/healthz', () => ({ status: 200, type: TEXT, body: 'ok\n' })],
      [
        '/readyz',
        () =>
          ready()
            ? { status: 200, type: TEXT, body: 'ready\n' }
            : { status: 503, type: TEXT, body: 'not ready\n' },
      ],
      [
        '/metrics',
        async ({ headers }) => {
          const { type, text } = await metrics(headers.accept);
          return { status: 200, type, body: text };
        },
      ],
      [
        '/api/status',
        async () => ({ status: 200, type: 'application/json', body: `${JSON.stringify(await status())}\n` }),
      ],
    ]);
  }
}

/** A function passed in that hangs does not hold the client. */
const withDeadline = async (answer: Answer | Promise<Answer>): Promise<Answer> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new GateError('ERR_INTERNAL', `admin answer took longer than ${LIMITS.answerMs} ms`)),
      LIMITS.answerMs,
    ).unref();
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
};
