// The two public listeners: https (TLS, then HTTP/2 or HTTP/1.1) and http. This file puts the rooms of the click path together,
// counts connections and drains them in a bounded time. app/worker/worker.ts passes in the sockets, the ports and the settings.

import { randomBytes } from 'node:crypto';
import type { Server as TcpServer } from 'node:net';
import { systemClock } from '../core/platform/clock.ts';
import { withTimeout } from '../core/platform/deadline.ts';
import type { AnswerChallenge, AnswerTlsChallenge, Handshake } from '../core/ports.ts';
import type { Emit, Listener } from '../core/events.ts';
import type { Limits, TlsProfile, UpstreamId, UpstreamSettings, UpstreamUse } from '../core/settings.ts';
import type { UpstreamContact } from '../core/upstream-contact.ts';
import { trustedRanges } from './connections/ip-addresses.ts';
import { createConnections, type Admission, type Connections } from './connections/connections.ts';
import { createUploads } from './http/content.ts';
import { createPipeline, type Pipeline, type PipelineCounts } from './pipeline.ts';
import { withDefaults } from './limits.ts';
import type { ResolveAddresses } from './upstream/addresses/resolve-addresses.ts';
import type { FindDomain } from './request/route.ts';
import { createStalledReaders } from './request/stalled-readers.ts';
import { createUpstreams, type Upstreams } from './upstream/upstreams.ts';

/** What a reload may change while connections are open. */
export interface RequestSettings {
  readonly upstreams: readonly UpstreamSettings[];
  readonly upstreamUse: UpstreamUse;
  /** port 3, where a CA may validate by tls-alpn-01 */
  readonly answerTlsChallenge?: AnswerTlsChallenge;
  /** intermediate when absent */
  readonly tlsProfile?: TlsProfile;
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
  /** of TLS session tickets, 48 bytes that all workers share; random ones when absent */
  readonly ticketKeys?: Buffer;
  /** resolves the names of the upstreams; the system's resolver when absent */
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
  /** the same by listener and protocol; `none`: the client has sent nothing yet that tells it */
  connectionCounts(): ConnectionCounts;
  /** requests for a tracker in progress */
  requestsInFlight(): number;
  /** of them, those that wait for a connection to it */
  queuedRequests(): number;
  /** connections to all upstreams by state */
  upstreamConnections(): { readonly active: number; readonly idle: number; readonly connecting: number };
  /** how connecting to each upstream went */
  contacts(): Readonly<Partial<Record<UpstreamId, UpstreamContact>>>;
  /**
   * New settings for new connections; open ones keep theirs and stay open. Upstreams are replaced for all.
   * @throws whatever createUpstream throws; the old settings then stay
   */
  apply(settings: RequestSettings): void;
  /** The keys of session tickets from now on, reloads included. Tickets of the old ones lead to a full handshake. */
  setTicketKeys(ticketKeys: Buffer): void;
  /**
   * Accepts no more, closes what is idle, lets requests in flight finish, and cuts what is left after `timeoutMs`. A
   * connection without a request yet is closed after `graceMs`: its first request may be on its way.
   * @returns how many connections were cut
   */
  drain(time: DrainTime): Promise<number>;
}

type OwnOptions = Omit<ListenersOptions, 'resolve' | 'settings'>;

const admissionOf = ({ limits, trustedProxies, proxyProtocol }: RequestSettings): Admission => ({
  limits: withDefaults(limits),
  isTrusted: trustedRanges(trustedProxies ?? []),
  isProxy: {
    https: trustedRanges(proxyProtocol?.https ?? []),
    http: trustedRanges(proxyProtocol?.http ?? []),
  },
});

const closed = (server: TcpServer): Promise<void> =>
  new Promise((done) => (server.listening ? server.close(() => done()) : done()));

class PublicListeners implements Listeners {
  readonly https: TcpServer;
  readonly http: TcpServer;
  readonly #options: OwnOptions;
  readonly #upstreams: Upstreams;
  readonly #connections: Connections;
  /** the one that takes new connections, and older ones that still have some */
  readonly #pipelines = new Set<Pipeline>();
  #newest: Pipeline;
  #ticketKeys: Buffer;
  #isDraining = false;

  constructor(options: OwnOptions, settings: RequestSettings, upstreams: Upstreams) {
    this.#options = options;
    this.#upstreams = upstreams;
    this.#ticketKeys = options.ticketKeys ?? randomBytes(48);
    this.#connections = createConnections({ admission: admissionOf(settings), emit: options.emit });
    this.#newest = this.#open(settings);
    this.https = this.#connections.listener('https', (socket) => this.#newest.take('https', socket));
    this.http = this.#connections.listener('http', (socket) => this.#newest.take('http', socket));
  }

  #open(settings: RequestSettings): Pipeline {
    const limits = withDefaults(settings.limits);
    this.#upstreams.apply(settings.upstreams, settings.upstreamUse, limits);
    // slow clients hold a quarter of the tracker's connections at most, in each direction: clicks need the others
    const quarter = Math.max(1, Math.floor(settings.upstreamUse.maxConnections / 4));
    const { answerTlsChallenge } = settings;
    const pipeline = createPipeline({
      ...this.#options,
      ticketKeys: this.#ticketKeys,
      tlsProfile: settings.tlsProfile ?? 'intermediate',
      findUpstream: this.#upstreams.find,
      ...(answerTlsChallenge === undefined ? {} : { answerTlsChallenge }),
      limits,
      isTrusted: trustedRanges(settings.trustedProxies ?? []),
      use: this.#connections.use,
      isDraining: () => this.#isDraining,
      uploads: createUploads(quarter),
      readers: createStalledReaders(quarter),
    });
    this.#pipelines.add(pipeline);
    return pipeline;
  }

  connections(): number {
    return this.#connections.count();
  }

  connectionCounts(): ConnectionCounts {
    const all = [...this.#pipelines].map((pipeline) => pipeline.speaking());
    const sum = (count: (speaking: PipelineCounts) => number): number =>
      all.reduce((total, each) => total + count(each), 0);
    const [h1, h2, plain] = [
      sum(({ https }) => https.h1),
      sum(({ https }) => https.h2),
      sum(({ http }) => http.h1),
    ];
    // an HTTP/2 session hears of its end one turn of the event loop after its socket
    const none = (name: Listener, known: number): number =>
      Math.max(0, this.#connections.countOf(name) - known);
    return {
      https: { h1, h2, none: none('https', h1 + h2) },
      http: { h1: plain, h2: 0, none: none('http', plain) },
    };
  }

  requestsInFlight(): number {
    return [...this.#pipelines].reduce((sum, each) => sum + each.inFlight(), 0);
  }

  queuedRequests(): number {
    return this.#upstreams.queued();
  }

  upstreamConnections(): ReturnType<Upstreams['connections']> {
    return this.#upstreams.connections();
  }

  contacts(): ReturnType<Upstreams['contacts']> {
    return this.#upstreams.contacts();
  }

  apply(settings: RequestSettings): void {
    const last = this.#newest;
    this.#newest = this.#open(settings);
    this.#connections.apply(admissionOf(settings));
    void last.retire().then(() => this.#pipelines.delete(last));
  }

  setTicketKeys(ticketKeys: Buffer): void {
    this.#ticketKeys = ticketKeys;
    for (const each of this.#pipelines) each.setTicketKeys(ticketKeys);
  }

  async drain({ timeoutMs, graceMs }: DrainTime): Promise<number> {
    this.#isDraining = true;
    const empty = Promise.all([closed(this.https), closed(this.http)]);
    for (const each of this.#pipelines) each.drain(graceMs);
    await withTimeout(empty, { clock: systemClock, limitMs: timeoutMs, late: () => undefined });
    // a server hears of its last connection's end one turn of the event loop before that connection's own listeners
    for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    const cut = this.#connections.cut();
    for (const each of this.#pipelines) each.close();
    await this.#upstreams.destroy();
    return cut;
  }
}

/** @throws whatever createUpstream throws */
export const createListeners = ({ resolve, settings, ...options }: ListenersOptions): Listeners =>
  new PublicListeners(
    options,
    settings,
    createUpstreams({ emit: options.emit, ...(resolve === undefined ? {} : { resolve }) }),
  );
