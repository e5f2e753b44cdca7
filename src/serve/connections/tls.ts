// The first step of a click on https: its ClientHello, the handshake (RFC 8446), then by ALPN HTTP/2 or HTTP/1.1 (RFC 7301).
// The certificate comes through door 1; this file knows no storage and no request.

import type { Server as HttpServer } from 'node:http';
import type { Http2Server } from 'node:http2';
import type { Socket } from 'node:net';
import { createServer, type SecureContext, type TLSSocket } from 'node:tls';
import type { AnswerTlsChallenge, Handshake } from '../../core/ports.ts';
import type { Emit, Events, TlsVersion } from '../../core/events.ts';
import { SERVER_TLS } from '../../core/platform/server-tls.ts';
import { rawSocketOf } from './connection-facts.ts';
import { createDeadlines } from './deadlines.ts';
import { createTlsChallenge, isValidation } from './tls-challenge.ts';
import { createFirstBytes, isWholeHello } from './first-bytes.ts';

type FailureReason = Events['handshake.failed']['reason'];
type SniDone = (error: Error | null, context?: SecureContext) => void;

/** What Node and OpenSSL call a handshake that failed, in the words of an operator. */
const REASONS: readonly (readonly [RegExp, FailureReason])[] = [
  // sent by the client (RFC 8446 §6.2): our certificate is not from a CA it knows, has expired, or is otherwise bad
  [/_ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_[A-Z]+)$/, 'untrusted'],
  [/_UNSUPPORTED_PROTOCOL$|_VERSION_TOO_LOW$/, 'version'],
  [/_NO_SHARED_CIPHER$/, 'cipher'],
  [/^(ECONNRESET|EPIPE)$/, 'gone'],
  [/^ERR_TLS_HANDSHAKE_TIMEOUT$/, 'timeout'],
];

const reasonOf = (code = ''): FailureReason =>
  REASONS.find(([pattern]) => pattern.test(code))?.[1] ?? 'protocol';

export interface TlsOptions {
  readonly handshake: Handshake;
  /** door 3, where a CA may validate by tls-alpn-01 */
  readonly answerTlsChallenge?: AnswerTlsChallenge;
  /** whether the name is configured: tells a missing certificate from a stranger's name */
  readonly isConfigured: (servername: string) => boolean;
  readonly http1: HttpServer;
  readonly http2: Http2Server;
  readonly emit: Emit;
  readonly handshakeTimeoutMs: number;
}

export interface TlsStage {
  /** serves one accepted connection */
  take(socket: Socket): void;
  /** cuts what has not sent a ClientHello */
  cutSilent(): void;
  /** stops the clock */
  close(): void;
}

/**
 * The TLS server of the https listener. No certificate of its own: a name that is not configured, or none at all,
 * ends in an alert (RFC 6066 §3) without a word about who is served here.
 */
export const createTlsServer = ({
  handshake,
  answerTlsChallenge = () => Promise.resolve(undefined),
  isConfigured,
  http1,
  http2,
  emit,
  handshakeTimeoutMs,
}: TlsOptions): TlsStage => {
  const reasons = new WeakMap<object, FailureReason>();

  const choice = createTlsChallenge({ handshake, answer: answerTlsChallenge });

  const chooseContext = async (socket: TLSSocket, servername: string, done: SniDone): Promise<void> => {
    let context: SecureContext | undefined;
    try {
      context = await choice.chooseContext(socket, servername);
      if (context === undefined)
        reasons.set(socket, isConfigured(servername) ? 'no-certificate' : 'unknown-name');
    } catch {
      // door 1 does not throw; were it to, the handshake must still end. An error given to `done` sends no alert.
      reasons.set(socket, 'internal');
    }
    done(null, context);
  };

  /** raw sockets that a TLS connection was made of; the others wait for their ClientHello */
  const begun = new WeakSet<Socket>();
  const late = new WeakSet<Socket>();
  const deadlines = createDeadlines(handshakeTimeoutMs, (socket) => {
    // a TLS connection tells of its end itself
    if (begun.has(socket)) late.add(socket);
    else emit('handshake.failed', { reason: 'timeout' });
    socket.destroy();
  });

  const server = createServer({
    ...SERVER_TLS,
    // ours, which begins with the connection, is the one that counts: Node's, for each, begins with the ClientHello
    handshakeTimeout: handshakeTimeoutMs * 2,
    // Node calls both as methods of the TLSSocket
    ALPNCallback(this: TLSSocket, { protocols }: { protocols: string[] }) {
      return choice.chooseProtocol(this, protocols);
    },
    SNICallback(this: TLSSocket, servername: string, done: SniDone) {
      void chooseContext(this, servername, done);
    },
  } as unknown as Parameters<typeof createServer>[0]);

  server.on('secureConnection', (socket: TLSSocket) => {
    deadlines.stop(rawSocketOf(socket));
    if (isValidation(socket)) {
      // the CA has seen what it came for; nothing is served here
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
  });
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
    const raw = rawSocketOf(socket);
    deadlines.stop(raw);
    const reason = reasons.get(socket) ?? (late.has(raw) ? 'timeout' : reasonOf(error.code));
    emit('handshake.failed', { reason });
    // our listener takes Node's own destroy away
    socket.destroy();
  });
  const take = createFirstBytes({
    isEnough: isWholeHello,
    deadlines,
    onReady: (socket) => {
      begun.add(socket);
      server.emit('connection', socket);
    },
    onGone: () => emit('handshake.failed', { reason: 'gone' }),
  });
  return {
    take,
    cutSilent: () => {
      for (const socket of deadlines.waiting()) if (!begun.has(socket)) socket.destroy();
    },
    close: deadlines.close,
  };
};
