// The public listeners on loopback, in front of a recording tracker: what most tests of the request path stand on.

import {
  connect as http2Connect,
  type ClientHttp2Session,
  type ClientSessionOptions,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { connect as tlsConnect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { Test } from 'tap';
import type { AnswerChallenge, Handshake } from '../../src/core/ports.ts';
import { createEventBus, type EventBus, type EventName, type Events } from '../../src/core/events.ts';
import type { DomainSettings, Limits, TlsProfile, UpstreamUse } from '../../src/core/settings.ts';
import { createListeners, type RequestSettings, type Listeners } from '../../src/serve/listeners.ts';
import { sharedPki, type Pki } from './pki.ts';
import type { Tracker } from './tracker.ts';

export interface ServeOptions {
  readonly tracker: Pick<Tracker, 'url' | 'serverName' | 'caPem'>;
  /** configured names; `links.example.com` and `clicks.example.net` unless told */
  readonly domains?: readonly (Partial<DomainSettings> & { readonly name: string })[];
  readonly upstreamUse?: Partial<UpstreamUse>;
  readonly answerChallenge?: AnswerChallenge;
  /** port 1, instead of a certificate of the test's CA for each name */
  readonly handshake?: Handshake;
  /** configured names without a certificate */
  readonly uncertified?: readonly string[];
  readonly limits?: Partial<Limits>;
  readonly tlsProfile?: TlsProfile;
  /** where the worker listens; `127.0.0.1` unless told */
  readonly host?: string;
  readonly trustedProxies?: readonly string[];
  readonly proxyProtocol?: { readonly https?: readonly string[]; readonly http?: readonly string[] };
}

export interface Serving {
  readonly listeners: Listeners;
  /** what it began with, to be changed and applied */
  readonly settings: RequestSettings;
  readonly httpsPort: number;
  readonly httpPort: number;
  readonly pki: Pki;
  readonly bus: EventBus;
  /** every event of one name so far */
  heard<N extends EventName>(name: N): Events[N][];
  /** the next event of one name, or one heard already */
  next<N extends EventName>(name: N): Promise<Events[N]>;
  /** a verified TLS connection under a name */
  tls(servername: string, options?: ConnectionOptions): Promise<TLSSocket>;
  /** a verified HTTP/2 session under a name */
  h2(servername?: string, options?: ClientSessionOptions): Promise<ClientHttp2Session>;
  /** writes bytes on a fresh connection and gathers all that comes until the peer closes (or `until` is seen) */
  raw(
    bytes: string | Buffer,
    options?: { servername?: string; plain?: boolean; until?: RegExp },
  ): Promise<string>;
}

export interface Http2Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly trailers: Record<string, unknown>;
  readonly informed: Record<string, unknown>[];
  readonly body: Buffer;
  /** RST_STREAM code, 0 when it ended well */
  readonly code: number;
}

/** One request on a session, to its end. */
export const ask = (
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  content?: string | Buffer,
): Promise<Http2Answer> =>
  new Promise((resolve) => {
    const stream = session.request({ ':path': '/', ...headers }, { endStream: content === undefined });
    let head: Record<string, string | string[] | undefined> = {};
    let trailers: Record<string, unknown> = {};
    const informed: Record<string, unknown>[] = [];
    const chunks: Buffer[] = [];
    stream.on('headers', (fields) => informed.push(fields));
    stream.on('response', (fields) => {
      head = fields as typeof head;
    });
    stream.on('trailers', (fields) => {
      trailers = fields;
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', () => undefined);
    stream.on('close', () => {
      const status = Number(head[':status'] ?? 0);
      const code = stream.rstCode ?? 0;
      resolve({ status, headers: head, trailers, informed, body: Buffer.concat(chunks), code });
    });
    if (content !== undefined) stream.end(content);
  });

/** Everything a socket says until it closes or `until` matches; latin1. */
export const gather = (socket: Socket, until?: RegExp): Promise<string> =>
  new Promise((resolve) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (until?.test(text) === true) {
        socket.destroy();
        resolve(text);
      }
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });

const open = (server: Listeners['https'], host: string): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, () => resolve((server.address() as AddressInfo).port));
  });

export const serve = async (t: Test, options: ServeOptions): Promise<Serving> => {
  const { tracker, host = '127.0.0.1' } = options;
  const pki = sharedPki('worker');
  const domains: DomainSettings[] = (
    options.domains ?? [{ name: 'links.example.com' }, { name: 'clicks.example.net' }]
  ).map((domain) => ({ upstream: 'us', redirectHttp: false, ...domain }));
  const contexts = new Map(
    domains
      .filter(({ name }) => options.uncertified?.includes(name) !== true)
      .map(({ name }) => [name, pki.leaf([name]).context]),
  );
  const bus = createEventBus((name, error) => t.fail(`listener of ${name}: ${String(error)}`));
  const events: { name: EventName; event: Events[EventName] }[] = [];
  const waiting: (() => void)[] = [];
  const emit: EventBus['emit'] = (name, event) => {
    events.push({ name, event });
    bus.emit(name, event);
    for (const look of waiting.splice(0)) look();
  };
  const byName = new Map(domains.map((domain) => [domain.name, domain]));
  const settings: RequestSettings = {
    upstreams: [{ id: 'us', origin: tracker.url, serverName: tracker.serverName, caPem: tracker.caPem }],
    upstreamUse: {
      // the tracker shares a process with worker and clients, and the machine with more: a test of these times sets its own
      connectTimeoutMs: 20_000,
      responseTimeoutMs: 20_000,
      maxConnections: 8,
      ...options.upstreamUse,
    },
    ...(options.tlsProfile === undefined ? {} : { tlsProfile: options.tlsProfile }),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.proxyProtocol === undefined ? {} : { proxyProtocol: options.proxyProtocol }),
    ...(options.trustedProxies === undefined ? {} : { trustedProxies: options.trustedProxies }),
  };
  const listeners = createListeners({
    findDomain: (name) => byName.get(name),
    handshake:
      options.handshake ?? ((servername) => contexts.get(servername.toLowerCase().replace(/\.$/, ''))),
    answerChallenge: options.answerChallenge ?? (() => Promise.resolve(undefined)),
    emit,
    settings,
  });
  const httpsPort = await open(listeners.https, host);
  const httpPort = await open(listeners.http, host);
  t.teardown(() => listeners.drain({ timeoutMs: 0, graceMs: 0 }));

  const heard = <N extends EventName>(name: N): Events[N][] =>
    events.filter((entry) => entry.name === name).map((entry) => entry.event as Events[N]);
  const tls: Serving['tls'] = (servername, more) =>
    new Promise((resolve, reject) => {
      const socket = tlsConnect({ host, port: httpsPort, servername, ca: pki.rootPem, ...more });
      socket.once('secureConnect', () => resolve(socket));
      socket.once('error', reject);
      t.teardown(() => socket.destroy());
    });
  return {
    listeners,
    settings,
    httpsPort,
    httpPort,
    pki,
    bus,
    heard,
    next: async (name) => {
      for (;;) {
        const event = heard(name).at(-1);
        if (event !== undefined) return event;
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
    tls,
    h2: async (servername = 'links.example.com', more) => {
      const socket = await tls(servername, { ALPNProtocols: ['h2'] });
      const session = http2Connect(`https://${servername}`, { ...more, createConnection: () => socket });
      session.on('error', () => undefined);
      t.teardown(() => session.destroy());
      return session;
    },
    raw: async (bytes, { servername = 'links.example.com', plain = false, until } = {}) => {
      const socket = plain ? connect(httpPort, host) : await tls(servername);
      const answer = gather(socket, until);
      socket.write(bytes);
      return answer;
    },
  };
};
