// The first step of a click on https: its ClientHello, the handshake (RFC 8446), then HTTP/2 or HTTP/1.1 by ALPN (RFC 7301).
// The certificate comes through port 1. This file knows no storage and no request.

import type { Server as HttpServer } from 'node:http';
import type { Http2Server } from 'node:http2';
import type { Socket } from 'node:net';
import { createServer, type SecureContext, type Server, type TLSSocket } from 'node:tls';
import type { AnswerTlsChallenge, Handshake } from '../../core/ports.ts';
import type { Emit, Events, TlsVersion } from '../../core/events.ts';
import type { TlsProfile } from '../../core/settings.ts';
import { serverTls } from '../../core/platform/server-tls.ts';
import { rawSocketOf, setHelloName } from './connection-facts.ts';
import { serverNameOf } from './client-hello.ts';
import { createDeadlines, type Deadlines } from './deadlines.ts';
import { createTlsChallenge, isValidation, type TlsChallenge } from './tls-challenge.ts';
import { createFirstBytes, isWholeHello } from './first-bytes.ts';

type FailureReason = Events['handshake.failed']['reason'];
type SniDone = (error: Error | null, context?: SecureContext) => void;

/** Codes of Node and OpenSSL for a failed handshake, and what they mean to an operator. */
const REASONS: readonly (readonly [RegExp, FailureReason])[] = [
  // An alert of the client (RFC 8446 §6.2): it does not trust the CA, or the certificate has expired or is bad.
  [/_ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_[A-Z]+)$/, 'untrusted'],
  [/_UNSUPPORTED_PROTOCOL$|_VERSION_TOO_LOW$/, 'version'],
  [/_NO_SHARED_CIPHER$/, 'cipher'],
  [/^(ECONNRESET|EPIPE)$/, 'gone'],
  [/^ERR_TLS_HANDSHAKE_TIMEOUT$/, 'timeout'],
];

/** A fatal alert of TLS 1.2 (RFC 8446 §6, RFC 6066 §3): 112. */
const UNRECOGNIZED_NAME = Buffer.of(21, 3, 3, 0, 2, 2, 112);

const reasonOf = (code = ''): FailureReason =>
  REASONS.find(([pattern]) => pattern.test(code))?.[1] ?? 'protocol';

export interface TlsOptions {
  readonly handshake: Handshake;
  /** port 3, where a CA may validate by tls-alpn-01 */
  readonly answerTlsChallenge?: AnswerTlsChallenge;
  /** whether the name is configured: tells a missing certificate from an unknown name */
  readonly isConfigured: (servername: string) => boolean;
  readonly http1: HttpServer;
  readonly http2: Http2Server;
  readonly emit: Emit;
  readonly handshakeTimeoutMs: number;
  readonly profile: TlsProfile;
  /** of session tickets, 48 bytes; a session can be resumed wherever a server has the same ones */
  readonly ticketKeys: Buffer;
}

export interface TlsStage {
  /** serves one accepted connection */
  take(socket: Socket): void;
  /** closes connections that have not sent a ClientHello */
  cutSilent(): void;
  /** Node has one set for a server: tickets of the old one lead to a full handshake */
  setTicketKeys(ticketKeys: Buffer): void;
  /** stops its clock */
  close(): void;
}

class TlsListener implements TlsStage {
  readonly take: (socket: Socket) => void;
  readonly #options: TlsOptions;
  readonly #challenge: TlsChallenge;
  readonly #server: Server;
  readonly #deadlines: Deadlines;
  /** why a handshake is going to fail, when this file is the cause */
  readonly #reasons = new WeakMap<object, FailureReason>();
  /** raw sockets whose TLS connection has begun; the others wait for their ClientHello */
  readonly #begun = new WeakSet<Socket>();
  readonly #late = new WeakSet<Socket>();

  constructor(options: TlsOptions) {
    this.#options = options;
    const { handshake, answerTlsChallenge = () => Promise.resolve(undefined), handshakeTimeoutMs } = options;
    this.#challenge = createTlsChallenge({ handshake, answer: answerTlsChallenge });
    this.#deadlines = createDeadlines(handshakeTimeoutMs, (socket) => this.#onLate(socket));
    this.#server = this.#createServer();
    this.take = createFirstBytes({
      isEnough: isWholeHello,
      deadlines: this.#deadlines,
      onReady: (socket, first) => this.#begin(socket, first),
      onGone: () => options.emit('handshake.failed', { reason: 'gone' }),
    });
  }

  cutSilent(): void {
    for (const socket of this.#deadlines.waiting()) if (!this.#begun.has(socket)) socket.destroy();
  }

  setTicketKeys(ticketKeys: Buffer): void {
    this.#server.setTicketKeys(ticketKeys);
  }

  close(): void {
    this.#deadlines.close();
  }

  #createServer(): Server {
    const challenge = this.#challenge;
    const chooseContext = async (socket: TLSSocket, servername: string, done: SniDone): Promise<void> =>
      done(null, await this.#chooseContext(socket, servername));
    const server = createServer({
      ...serverTls(this.#options.profile),
      ticketKeys: this.#options.ticketKeys,
      // Node would make it of the command line; a session of another context is not resumed
      sessionIdContext: 'linkgate',
      // The limit is in #deadlines, from the start of the connection; Node's begins with the ClientHello.
      handshakeTimeout: this.#options.handshakeTimeoutMs * 2,
      // Node calls both as methods of the TLSSocket.
      ALPNCallback(this: TLSSocket, { protocols }: { protocols: string[] }) {
        return challenge.chooseProtocol(this, protocols);
      },
      SNICallback(this: TLSSocket, servername: string, done: SniDone) {
        void chooseContext(this, servername, done);
      },
    } as unknown as Parameters<typeof createServer>[0]);
    server.on('secureConnection', (socket: TLSSocket) => this.#onSecure(socket));
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) =>
      this.#onError(error, socket),
    );
    return server;
  }

  /** A name that can be read and is not configured costs no TLS connection; anything else is for OpenSSL and #chooseContext. */
  #begin(socket: Socket, first: Buffer): void {
    const name = serverNameOf(first);
    if (name !== undefined && !this.#options.isConfigured(name)) {
      this.#deadlines.stop(socket);
      this.#options.emit('handshake.failed', { reason: 'unknown-name' });
      socket.on('error', () => undefined);
      socket.write(UNRECOGNIZED_NAME);
      socket.destroySoon();
      return;
    }
    if (name !== undefined) setHelloName(socket, name);
    this.#begun.add(socket);
    this.#server.emit('connection', socket);
  }

  /** Never rejects: an error in Node's callback would send no alert to the client. */
  async #chooseContext(socket: TLSSocket, servername: string): Promise<SecureContext | undefined> {
    try {
      const context = await this.#challenge.chooseContext(socket, servername);
      if (context === undefined)
        this.#reasons.set(socket, this.#options.isConfigured(servername) ? 'no-certificate' : 'unknown-name');
      return context;
    } catch {
      this.#reasons.set(socket, 'internal');
      return undefined;
    }
  }

  #onLate(socket: Socket): void {
    // A TLS connection reports its end itself.
    if (this.#begun.has(socket)) this.#late.add(socket);
    else this.#options.emit('handshake.failed', { reason: 'timeout' });
    socket.destroy();
  }

  #onSecure(socket: TLSSocket): void {
    const { emit, http1, http2 } = this.#options;
    this.#deadlines.stop(rawSocketOf(socket));
    if (isValidation(socket)) {
      // the CA has seen the challenge certificate; nothing is served here
      socket.on('error', () => undefined);
      socket.end();
      return;
    }
    emit('handshake.completed', {
      version: socket.getProtocol() as TlsVersion,
      resumed: socket.isSessionReused(),
    });
    if (socket.alpnProtocol === 'h2') http2.emit('connection', socket);
    else http1.emit('connection', socket);
  }

  #onError(error: NodeJS.ErrnoException, socket: TLSSocket): void {
    const raw = rawSocketOf(socket);
    this.#deadlines.stop(raw);
    const reason = this.#reasons.get(socket) ?? (this.#late.has(raw) ? 'timeout' : reasonOf(error.code));
    this.#options.emit('handshake.failed', { reason });
    // with a listener of ours Node does not destroy the socket
    socket.destroy();
  }
}

/**
 * The TLS server of the https listener. It has no certificate of its own: a name that is not configured, or no name at all,
 * ends in an alert (RFC 6066 §3) that does not tell which names are served.
 */
export const createTlsServer = (options: TlsOptions): TlsStage => new TlsListener(options);
