// The connection pipeline: everything between an accepted connection and the upstreams under one set of ceilings: first bytes, TLS,
// HTTP/2 and HTTP/1 of both listeners. A reload adds a new pipeline; the old one ends with its last connection.

import type { Socket } from 'node:net';
import { normalizeName } from '../core/domain-name.ts';
import type { AnswerChallenge, AnswerTlsChallenge, Handshake } from '../core/ports.ts';
import type { Listener } from '../core/events.ts';
import type { TlsProfile } from '../core/settings.ts';
import { createResponseClock } from './request/response-clock.ts';
import { createRequestHandler, type RequestHandlerOptions } from './request/request-handler.ts';
import { createHttp1Server, type Http1Stage } from './http/http1.ts';
import type { ConnectionUse } from './connections/connections.ts';
import { createDeadlines, type Deadlines } from './connections/deadlines.ts';
import { createHttp2Server } from './http/http2.ts';
import { createLocalResponses } from './request/local-response.ts';
import { createTlsServer } from './connections/tls.ts';
import { respondWithUniversalLinks } from './request/universal-links.ts';
import { createFirstBytes, isAnything } from './connections/first-bytes.ts';

export interface PipelineOptions extends Omit<RequestHandlerOptions, 'respondLocally' | 'clock'> {
  readonly handshake: Handshake;
  readonly answerChallenge: AnswerChallenge;
  readonly answerTlsChallenge?: AnswerTlsChallenge;
  readonly use: ConnectionUse;
  readonly tlsProfile: TlsProfile;
  /** of TLS session tickets, in the form of Node's `ticketKeys` */
  readonly ticketKeys: Buffer;
  /** true while the process drains: each response then closes its connection */
  readonly isDraining: () => boolean;
}

export interface PipelineCounts {
  readonly https: { readonly h1: number; readonly h2: number };
  readonly http: { readonly h1: number };
}

export interface Pipeline {
  /** serves one accepted connection */
  take(listener: Listener, socket: Socket): void;
  /** requests for the tracker in progress */
  inFlight(): number;
  /** connections that speak HTTP, by listener */
  speaking(): PipelineCounts;
  /** Call when no new connection comes: resolves when the last connection, and all that belongs to this pipeline, is gone. */
  retire(): Promise<void>;
  /** for tickets from now on */
  setTicketKeys(ticketKeys: Buffer): void;
  /** closes idle connections, after `graceMs` those without a request too; the others end with their response */
  drain(graceMs: number): void;
  /** stops the clocks; call when no connection is left */
  close(): void;
}

/** Connections of the http listener until their first byte. A silent one is closed without a 408: a browser that opened it ahead
 * of a request would show the 408 as the response. */
const createPlainStage = (
  { limits, emit }: Pick<PipelineOptions, 'limits' | 'emit'>,
  http1: Http1Stage,
): { readonly silent: Deadlines; readonly takePlain: (socket: Socket) => void } => {
  const silent = createDeadlines(Math.min(limits.headersMs, limits.requestMs), (socket) => {
    emit('connection.refused', { listener: 'http', reason: 'silent' });
    socket.destroy();
  });
  const takePlain = createFirstBytes({
    isEnough: isAnything,
    deadlines: silent,
    onReady: (socket) => {
      silent.stop(socket);
      http1.server.emit('connection', socket);
    },
  });
  return { silent, takePlain };
};

export const createPipeline = (options: PipelineOptions): Pipeline => {
  const { findDomain, handshake, answerChallenge, answerTlsChallenge, emit, limits, use, isDraining } =
    options;
  const respondLocallyOnHttp = createLocalResponses({
    answerChallenge,
    isTrusted: options.isTrusted,
    isLive: async (name) => (await handshake(name)) !== undefined,
  });
  const clock = createResponseClock();
  const secure = createRequestHandler({ ...options, clock, respondLocally: respondWithUniversalLinks });
  const plain = createRequestHandler({ ...options, clock, respondLocally: respondLocallyOnHttp });
  const http2 = createHttp2Server({ handle: secure, limits, use, isDraining });
  const http1 = createHttp1Server({ listener: 'https', handle: secure, emit, limits, use, isDraining });
  const http1Plain = createHttp1Server({ listener: 'http', handle: plain, emit, limits, use, isDraining });
  const tls = createTlsServer({
    handshake,
    ...(answerTlsChallenge === undefined ? {} : { answerTlsChallenge }),
    isConfigured: (servername) => findDomain(normalizeName(servername)) !== undefined,
    http1: http1.server,
    http2: http2.server,
    emit,
    handshakeTimeoutMs: limits.tlsHandshakeMs,
    profile: options.tlsProfile,
    ticketKeys: options.ticketKeys,
  });
  const { silent, takePlain } = createPlainStage(options, http1Plain);
  const takers = { https: tls.take, http: takePlain };

  let open = 0;
  let onEmpty: (() => void) | undefined;
  const onClose = (): void => {
    open -= 1;
    if (open === 0) onEmpty?.();
  };
  const close = (): void => {
    tls.close();
    silent.close();
    http1.server.close();
    http1Plain.server.close();
  };
  const cutSilent = (): void => {
    tls.cutSilent();
    for (const socket of silent.waiting()) socket.destroy();
  };
  return {
    take: (listener, socket) => {
      open += 1;
      socket.on('close', onClose);
      takers[listener](socket);
    },
    inFlight: () => clock.size(),
    speaking: () => ({
      https: { h1: http1.connections(), h2: http2.connections() },
      http: { h1: http1Plain.connections() },
    }),
    retire: () =>
      new Promise((resolve) => {
        onEmpty = () => {
          close();
          resolve();
        };
        if (open === 0) onEmpty();
      }),
    setTicketKeys: (ticketKeys) => tls.setTicketKeys(ticketKeys),
    drain: (graceMs) => {
      http2.drain(graceMs);
      http1.drain(graceMs);
      http1Plain.drain(graceMs);
      setTimeout(cutSilent, graceMs).unref();
    },
    close,
  };
};
