// The admin port: metrics, health, status and the page. Reads nothing from a request but its head, changes nothing, and never
// throws. Who may ask is access.ts; what it shows comes from functions that are passed in.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { LinkgateError } from '../core/errors.ts';
import { serverTls } from '../core/platform/server-tls.ts';
import { systemClock } from '../core/platform/clock.ts';
import { withTimeout } from '../core/platform/deadline.ts';
import type { ListenAddress } from '../core/settings.ts';
import type { Access } from './access.ts';
import { SAFE_FIELDS, textResponse, type Answer } from './response.ts';

/** Everything a request to this port may use up. */
const LIMITS = {
  connections: 256,
  requestsPerConnection: 1000,
  headerBytes: 8 * 1024,
  headersMs: 5_000,
  requestMs: 10_000,
  idleMs: 30_000,
  answerMs: 10_000,
  handshakeMs: 5_000,
  /** nothing here takes a body; one that is short is read, so that its sender can read the answer */
  bodyBytes: 1024 * 1024,
} as const;

/** PEM, read from the files of the settings. */
export interface AdminTls {
  readonly cert: string;
  readonly key: string;
  /** clients need a certificate of one of these CAs */
  readonly clientCa?: string;
}

export interface AdminServerOptions {
  /** bound already */
  readonly socket: { readonly handle: object; readonly address: ListenAddress };
  readonly access: Access;
  readonly tls?: AdminTls;
  /** an unknown token may be new: reads the tokens again; true: another one is demanded now */
  readonly lookForToken?: () => Promise<boolean>;
  /** for a scraper with this Accept field */
  readonly metrics: (accept: string | undefined) => Promise<{ readonly type: string; readonly text: string }>;
  /** listeners are up and settings loaded; false while draining */
  readonly ready: () => boolean;
  /** the object of /api/status */
  readonly status: () => Promise<object>;
  /** more paths, answered to GET and HEAD */
  readonly pages?: ReadonlyMap<string, (query: URLSearchParams) => Answer | Promise<Answer>>;
  /** paths whose answer goes on for as long as the client listens; false: there is no room for another */
  readonly streams?: ReadonlyMap<string, (response: ServerResponse) => boolean>;
  /** hears of errors in what was passed in; the client sees only that there was one */
  readonly onError: (error: unknown) => void;
}

/** @param accept - the Accept field of the request */
type Show = (query: URLSearchParams, accept: string | undefined) => Answer | Promise<Answer>;

const secureContext = ({ cert, key, clientCa }: AdminTls) => ({
  cert,
  key,
  ...(clientCa === undefined ? {} : { ca: clientCa }),
  ...serverTls('intermediate'),
});

export class AdminServer {
  readonly #options: AdminServerOptions;
  readonly #routes: ReadonlyMap<string, Show>;
  #server: Server | TlsServer | undefined;

  constructor(options: AdminServerOptions) {
    this.#options = options;
    this.#routes = routesOf(options);
  }

  /** @throws LinkgateError `ERR_LISTEN_IN_USE` when the socket's address was taken since it was bound */
  async start(): Promise<void> {
    const server = this.#create();
    server.maxConnections = LIMITS.connections;
    server.maxRequestsPerSocket = LIMITS.requestsPerConnection;
    server.on('clientError', (_error, socket) => socket.destroy());
    // a client that asks and then does not read is cut off as well
    server.setTimeout(LIMITS.idleMs, (socket) => socket.destroy());
    const { handle, address } = this.#options.socket;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => {
        const where = `${address.host}:${address.port}`;
        reject(
          new LinkgateError('ERR_LISTEN_IN_USE', `admin listener cannot listen on "${where}"`, { cause }),
        );
      });
      server.listen(handle, resolve);
    });
    server.removeAllListeners('error').on('error', this.#options.onError);
    this.#server = server;
  }

  /** New certificates for the next handshakes, of the same kind: whether clients need one stays as it was at the start. */
  setTls(tls: AdminTls): void {
    if (this.#server !== undefined && 'setSecureContext' in this.#server) {
      this.#server.setSecureContext(secureContext(tls));
    }
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

  #create(): Server | TlsServer {
    const { tls } = this.#options;
    const limits = {
      maxHeaderSize: LIMITS.headerBytes,
      headersTimeout: LIMITS.headersMs,
      requestTimeout: LIMITS.requestMs,
      keepAliveTimeout: LIMITS.idleMs,
      connectionsCheckingInterval: 1000,
    };
    const serve = (request: IncomingMessage, response: ServerResponse): void =>
      void this.#serve(request, response);
    if (tls === undefined) return createServer(limits, serve);
    const demanded = tls.clientCa === undefined ? {} : { requestCert: true, rejectUnauthorized: true };
    const secured = { ...limits, ...secureContext(tls), ...demanded, handshakeTimeout: LIMITS.handshakeMs };
    return createTlsServer(secured, serve).on('tlsClientError', (_error, socket) => socket.destroy());
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined);
    let bodyBytes = 0;
    request.on('data', (chunk: Buffer) => {
      bodyBytes += chunk.length;
      if (bodyBytes > LIMITS.bodyBytes) request.destroy();
    });
    request.on('error', () => undefined);
    let answer: Answer | undefined;
    try {
      answer = await this.#answer(request, response);
    } catch (error) {
      this.#options.onError(error);
      answer = textResponse(500, 'failed\n');
    }
    if (answer === undefined || response.destroyed) return;
    const body = Buffer.from(answer.body);
    for (const [name, value] of Object.entries({ ...SAFE_FIELDS, ...answer.fields })) {
      response.setHeader(name, value);
    }
    response.writeHead(answer.status, { 'Content-Type': answer.type, 'Content-Length': body.length });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  /** undefined: the answer goes on by itself */
  async #answer(request: IncomingMessage, response: ServerResponse): Promise<Answer | undefined> {
    const { headers, method, url = '', socket } = request;
    const [path = '', query = ''] = url.split(/\?(.*)/s, 2);
    const { host, origin, authorization } = headers;
    const address = socket.remoteAddress ?? '';
    const asked = { path, host, origin, authorization, address };
    const { access, lookForToken } = this.#options;
    let refused = access.refuse(asked);
    if (refused?.status === 401 && authorization !== undefined && (await lookForToken?.()) === true) {
      refused = access.refuse(asked);
    }
    if (refused !== undefined) return textResponse(refused.status, refused.body, refused.fields);
    const show = this.#routes.get(path);
    const stream = this.#options.streams?.get(path);
    if (show === undefined && stream === undefined) return textResponse(404, 'not found\n');
    if (method !== 'GET' && method !== 'HEAD') {
      return textResponse(405, 'only GET and HEAD\n', { Allow: 'GET, HEAD' });
    }
    if (show !== undefined) {
      return withTimeout(Promise.resolve(show(new URLSearchParams(query), headers.accept)), LIMIT);
    }
    if (method === 'HEAD' || stream?.(response) === true) {
      return method === 'HEAD' ? textResponse(200, '') : undefined;
    }
    return textResponse(503, 'too many listen already\n', { 'Retry-After': '30' });
  }
}

const routesOf = ({ metrics, ready, status, pages = new Map() }: AdminServerOptions) =>
  new Map<string, Show>([
    ...pages,
    ['/healthz', () => textResponse(200, 'ok\n')],
    ['/readyz', () => (ready() ? textResponse(200, 'ready\n') : textResponse(503, 'not ready\n'))],
    [
      '/metrics',
      async (_query, accept) => {
        const { type, text } = await metrics(accept);
        return { status: 200, type, body: text };
      },
    ],
    [
      '/api/status',
      async () => ({ status: 200, type: 'application/json', body: `${JSON.stringify(await status())}\n` }),
    ],
  ]);

/** A function passed in that hangs does not hold the client. */
const LIMIT = {
  clock: systemClock,
  limitMs: LIMITS.answerMs,
  late: (): never => {
    throw new LinkgateError('ERR_INTERNAL', `admin response took longer than ${LIMITS.answerMs} ms`);
  },
};
