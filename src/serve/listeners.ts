// The two public listeners put together: the https one (tls → HTTP/2 or HTTP/1.1) and the http one, their
// connections counted, and both drained in a bounded time. app/worker/worker.ts hands over sockets, doors and settings.

import type { Server as TcpServer } from 'node:net';
import { systemClock } from '../core/platform/clock.ts';
import { withTimeout } from '../core/platform/deadline.ts';
import type { AnswerChallenge, AnswerTlsChallenge, Handshake } from '../core/ports.ts';
import type { Emit, Listener } from '../core/events.ts';
import type { Limits, UpstreamId, UpstreamSettings, UpstreamUse } from '../core/settings.ts';
import type { UpstreamContact } from '../core/upstream-contact.ts';
import { trustedRanges } from './connections/ip-addresses.ts';
import { createConnections, type Admission } from './connections/connections.ts';
import { createUploads } from './http/content.ts';
import { createPipeline, type Pipeline } from './pipeline.ts';
import { withDefaults } from './limits.ts';
import type { ResolveAddresses } from './upstream/resolve-addresses.ts';
import type { FindDomain } from './request/route.ts';
import { createStalledReaders } from './request/stalled-readers.ts';
import { createUpstreams } from './upstream/upstreams.ts';

/** What a reload may change while connections stand. */
export interface RequestSettings {
  readonly upstreams: readonly UpstreamSettings[];
  readonly upstreamUse: UpstreamUse;
  /** door 3, where a CA may validate by tls-alpn-01 */
  readonly answerTlsChallenge?: AnswerTlsChallenge;
  /** what differs from the defaults of limits.ts */
  readonly limits?: Partial<Limits>;
  /** addresses or CIDRs of proxies in front whose X-Forwarded-For is believed */
  readonly trustedProxies?: readonly string[];
  /** addresses or CIDRs of proxies in front that open each connection with a PROXY protocol header, by listener */
  readonly proxyProtocol?: { readonly https?: readonly string[]; readonly http?: readonly string[] };
}

export interface ListenersOptions {
  /** the configured names as they are now, asked for every request */
  readonly findDomain: FindDomain;
  readonly handshake: Handshake;
  readonly answerChallenge: AnswerChallenge;
  readonly emit: Emit;
  /** how the upstreams' names are looked up; the system's way unless told */
  readonly resolve?: ResolveAddresses;
  readonly settings: RequestSettings;
}

export interface DrainTime {
  /** requests in flight get this long */
  readonly timeoutMs: number;
  /** and connections on which nothing was asked yet, this */
  readonly graceMs: number;
}

export interface ConnectionCounts {
  readonly https: { readonly h1: number; readonly h2: number; readonly none: number };
  readonly http: { readonly h1: number; readonly h2: 0; readonly none: number };
}

export interface Listeners {
  /** give each a socket with `.listen(…)` */
  readonly https: TcpServer;
  readonly http: TcpServer;
  /** open connections, both listeners */
  connections(): number;
  /** the same by listener and protocol; `none`: nothing was said yet that tells it */
  connectionCounts(): ConnectionCounts;
  /** requests for a tracker that are being answered */
  requestsInFlight(): number;
  /** of them, those that wait for a connection to it */
  queuedRequests(): number;
  /** connections to all upstreams by state */
  upstreamConnections(): { readonly active: number; readonly idle: number; readonly connecting: number };
  /** how connecting to each upstream went */
  contacts(): Readonly<Partial<Record<UpstreamId, UpstreamContact>>>;
  /**
   * New settings for connections that come from now on; those that stand keep theirs and are not closed. Upstreams are
   * replaced for all.
   * @throws whatever createUpstream throws; the old settings then stay
   */
  apply(settings: RequestSettings): void;
  /**
   * Accepts no more, closes what is idle, lets requests in flight finish, and cuts what is left after `timeoutMs`. What has
   * connected and asked nothing yet is closed after `graceMs`: its first request may be on its way.
   * @returns how many connections were cut
   */
  drain(time: DrainTime): Promise<number>;
}

/** @throws whatever createUpstream throws: an unreadable caFile */
export const createListeners = (options: ListenersOptions): Listeners => {
  const { findDomain, handshake, answerChallenge, emit, resolve } = options;
  let draining = false;
  const upstreams = createUpstreams({ emit, ...(resolve === undefined ? {} : { resolve }) });
  const open = (settings: RequestSettings): Pipeline => {
    const limits = withDefaults(settings.limits);
    upstreams.apply(settings.upstreams, settings.upstreamUse, limits);
    // what clients hold up takes a quarter of the tracker's connections at most, either way: clicks need neither
    const quarter = Math.max(1, Math.floor(settings.upstreamUse.maxConnections / 4));
    return createPipeline({
      findDomain,
      findUpstream: upstreams.find,
      handshake,
      answerChallenge,
      ...(settings.answerTlsChallenge === undefined
        ? {}
        : { answerTlsChallenge: settings.answerTlsChallenge }),
      emit,
      limits,
      isTrusted: trustedRanges(settings.trustedProxies ?? []),
      isDraining: () => draining,
      uploads: createUploads(quarter),
      readers: createStalledReaders(quarter),
    });
  };
  const admission = ({ limits, trustedProxies, proxyProtocol }: RequestSettings): Admission => ({
    limits: withDefaults(limits),
    isTrusted: trustedRanges(trustedProxies ?? []),
    isProxy: {
      https: trustedRanges(proxyProtocol?.https ?? []),
      http: trustedRanges(proxyProtocol?.http ?? []),
    },
  });

  /** the one new connections go to, and before it those that still have some */
  const pipelines = new Set<Pipeline>();
  let front = open(options.settings);
  pipelines.add(front);
  const connections = createConnections({ admission: admission(options.settings), emit });
  const https = connections.listener('https', (socket) => front.take('https', socket));
  const http = connections.listener('http', (socket) => front.take('http', socket));

  const connectionCounts = (): ConnectionCounts => {
    let [h1, h2, plain] = [0, 0, 0];
    for (const each of pipelines) {
      const { https: secure, http: open } = each.speaking();
      h1 += secure.h1;
      h2 += secure.h2;
      plain += open.h1;
    }
    // a session is told of its end a turn of the loop after its socket is
    const rest = (name: Listener, known: number): number => Math.max(0, connections.countOf(name) - known);
    return {
      https: { h1, h2, none: rest('https', h1 + h2) },
      http: { h1: plain, h2: 0, none: rest('http', plain) },
    };
  };

  const apply = (settings: RequestSettings): void => {
    const next = open(settings);
    connections.apply(admission(settings));
    const last = front;
    front = next;
    pipelines.add(next);
    void last.retire().then(() => pipelines.delete(last));
  };

  const drain = async ({ timeoutMs, graceMs }: DrainTime): Promise<number> => {
    draining = true;
    const empty = new Promise<void>((resolve) => {
      const closed = [https, http].map(
        (server) => new Promise<void>((done) => (server.listening ? server.close(() => done()) : done())),
      );
      void Promise.all(closed).then(() => resolve());
    });
    for (const each of pipelines) each.drain(graceMs);
    await withTimeout(empty, { clock: systemClock, limitMs: timeoutMs, late: () => undefined });
    // a server is told of its last connection's end a turn of the loop before that connection's own listeners are
    for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    const cut = connections.cut();
    for (const each of pipelines) each.close();
    await upstreams.destroy();
    return cut;
  };

  return {
    https,
    http,
    connections: () => connections.count(),
    connectionCounts,
    requestsInFlight: () => [...pipelines].reduce((sum, each) => sum + each.inFlight(), 0),
    queuedRequests: upstreams.queued,
    upstreamConnections: upstreams.connections,
    contacts: upstreams.contacts,
    apply,
    drain,
  };
};
