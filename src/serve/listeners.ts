// The two public listeners put together: the https one (tls → HTTP/2 or HTTP/1.1) and the http one, their
// connections counted, and both drained in a bounded time. app/gate.ts hands over sockets, doors and settings.

import type { Server as TcpServer } from 'node:net';
import type { AnswerChallenge, AnswerTlsChallenge, Handshake } from '../core/doors.ts';
import type { Emit } from '../core/events.ts';
import { normalizeName } from '../core/domain-name.ts';
import type { DomainSettings, Limits, UpstreamId, UpstreamSettings, UpstreamUse } from '../core/settings.ts';
import type { UpstreamContact } from '../core/upstream-contact.ts';
import { trustedRanges } from './addresses.ts';
import { createConnections } from './connections.ts';
import { createUploads } from './content.ts';
import { createCorridor } from './corridor.ts';
import { createHttp1Server } from './http1.ts';
import { createHttp2Server } from './http2.ts';
import { withDefaults } from './limits.ts';
import { createPlainAnswers } from './plain.ts';
import type { ResolveAddresses } from './resolve-addresses.ts';
import { createTlsServer } from './tls.ts';
import { answerUniversalLinks } from './universal-links.ts';
import { createUpstream } from './upstream.ts';

export interface ListenersOptions {
  readonly domains: readonly DomainSettings[];
  readonly upstreams: readonly UpstreamSettings[];
  readonly upstreamUse: UpstreamUse;
  readonly handshake: Handshake;
  readonly answerChallenge: AnswerChallenge;
  readonly answerTlsChallenge?: AnswerTlsChallenge;
  readonly emit: Emit;
  /** how the upstreams' names are looked up; the system's way unless told */
  readonly resolve?: ResolveAddresses;
  /** what differs from the defaults of limits.ts */
  readonly limits?: Partial<Limits>;
  /** addresses or CIDRs of proxies in front whose X-Forwarded-For is believed */
  readonly trustedProxies?: readonly string[];
  /** addresses or CIDRs of proxies in front that open each connection with a PROXY protocol header, by listener */
  readonly proxyProtocol?: { readonly https?: readonly string[]; readonly http?: readonly string[] };
}

export interface Listeners {
  /** give each a socket with `.listen(…)` */
  readonly https: TcpServer;
  readonly http: TcpServer;
  /** open connections, both listeners */
  connections(): number;
  /** connections to all upstreams by state */
  upstreamConnections(): { readonly active: number; readonly idle: number; readonly connecting: number };
  /** how connecting to each upstream went */
  contacts(): Readonly<Partial<Record<UpstreamId, UpstreamContact>>>;
  /**
   * Accepts no more, closes what is idle, lets requests in flight finish, and cuts what is left after `timeoutMs`.
   * @returns how many connections were cut
   */
  drain(timeoutMs: number): Promise<number>;
}

/** @throws whatever createUpstream throws: an unreadable caFile */
export const createListeners = (options: ListenersOptions): Listeners => {
  const { handshake, emit } = options;
  const limits = withDefaults(options.limits);
  const isTrusted = trustedRanges(options.trustedProxies ?? []);
  const domains = new Map(options.domains.map((domain) => [domain.name, domain]));
  const upstreams = new Map(
    options.upstreams.map((settings) => [
      settings.id,
      createUpstream(settings, options.upstreamUse, limits, {
        emit,
        ...(options.resolve === undefined ? {} : { resolve: options.resolve }),
      }),
    ]),
  );
  const findDomain = (name: string): DomainSettings | undefined => domains.get(name);
  const findUpstream = (id: UpstreamId) => upstreams.get(id);
  let draining = false;
  const isDraining = (): boolean => draining;

  const answerPlain = createPlainAnswers({
    answerChallenge: options.answerChallenge,
    isLive: async (name) => (await handshake(name)) !== undefined,
  });
  // contents that still arrive take a quarter of the tracker's connections at most: clicks have none
  const uploads = createUploads(Math.max(1, Math.floor(options.upstreamUse.maxConnections / 4)));
  const shared = { findDomain, findUpstream, emit, limits, isTrusted, uploads };
  const secure = createCorridor({ ...shared, answerLocally: answerUniversalLinks });
  const plain = createCorridor({ ...shared, answerLocally: answerPlain });

  const http2 = createHttp2Server({ handle: secure, limits, isDraining });
  const http1 = createHttp1Server({ listener: 'https', handle: secure, emit, limits, isDraining });
  const http1Plain = createHttp1Server({ listener: 'http', handle: plain, emit, limits, isDraining });
  const isConfigured = (servername: string): boolean => domains.has(normalizeName(servername));
  const tls = createTlsServer({
    handshake,
    ...(options.answerTlsChallenge === undefined ? {} : { answerTlsChallenge: options.answerTlsChallenge }),
    isConfigured,
    http1: http1.server,
    http2: http2.server,
    emit,
    handshakeTimeoutMs: limits.tlsHandshakeMs,
  });

  const connections = createConnections({ limits, isTrusted, emit });
  const proxied = options.proxyProtocol ?? {};
  const https = connections.listener('https', proxied.https ?? [], (socket) =>
    tls.emit('connection', socket),
  );
  const http = connections.listener('http', proxied.http ?? [], (socket) =>
    http1Plain.server.emit('connection', socket),
  );

  const drain = async (timeoutMs: number): Promise<number> => {
    draining = true;
    const empty = new Promise<void>((resolve) => {
      const closed = [https, http].map(
        (server) => new Promise<void>((done) => (server.listening ? server.close(() => done()) : done())),
      );
      void Promise.all(closed).then(() => resolve());
    });
    http2.drain();
    http1.drain();
    http1Plain.drain();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([empty, late]);
    clearTimeout(timer);
    // a server is told of its last connection's end a turn of the loop before that connection's own listeners are
    for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    const cut = connections.cut();
    http1.server.close();
    http1Plain.server.close();
    await Promise.all([...upstreams.values()].map((upstream) => upstream.destroy()));
    return cut;
  };

  const upstreamConnections: Listeners['upstreamConnections'] = () => {
    const sum = { active: 0, idle: 0, connecting: 0 };
    for (const upstream of upstreams.values()) {
      const { active, open, idle } = upstream.counts();
      sum.active += open - idle;
      sum.idle += idle;
      sum.connecting += active - (open - idle);
    }
    return sum;
  };

  return {
    https,
    http,
    connections: () => connections.count(),
    upstreamConnections,
    contacts: () => Object.fromEntries([...upstreams].map(([id, upstream]) => [id, upstream.contact()])),
    drain,
  };
};
