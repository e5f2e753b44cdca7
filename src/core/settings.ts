// The settings as every part of the program sees them: numbers, URLs as strings, lower-case names; frozen, made
// by config/ only, plain data so that the supervisor can hand them to a worker as a message.

import type { LogLevel } from './log-level.ts';

export type Region = 'us' | 'eu';

/** `custom`: the address given as `upstream.url`. */
export type UpstreamId = Region | 'custom';

export interface ListenAddress {
  /** IP address; `::` listens on every address of both families */
  readonly host: string;
  /** 0 lets the system choose (tests) */
  readonly port: number;
}

/** Where one of the listeners is. */
export interface Listen extends ListenAddress {
  /**
   * name of a socket opened by whoever started the program (systemd.socket), taken in place of binding; `host` and `port` are
   * then where it is taken to be, for those who ask from outside
   */
  readonly fd?: string;
}

/** A listener that clients reach, directly or through a load balancer. */
export interface PublicListen extends Listen {
  /** addresses and CIDRs of peers whose connections begin with a PROXY protocol header (v1 or v2) */
  readonly proxyProtocol?: readonly string[];
}

/** Who may ask the admin port, and how. Files are absolute paths, read at the start and at each reload. */
export interface AdminSettings {
  /** file of the token that every request but health checks must carry */
  readonly tokenFile?: string;
  /** https instead of http */
  readonly tls?: {
    /** leaf first */
    readonly certFile: string;
    readonly keyFile: string;
    /** CAs of clients, which then need a certificate */
    readonly clientCaFile?: string;
    /** what commands of this machine show; the server's own where absent */
    readonly clientCertFile?: string;
    readonly clientKeyFile?: string;
  };
  /** open: /metrics is answered without a token */
  readonly metrics?: 'guarded' | 'open';
  /** names it answers to beside addresses and `localhost`, lower case */
  readonly hosts?: readonly string[];
}

export interface UpstreamSettings {
  readonly id: UpstreamId;
  /** `https://host[:port]`, nothing behind it */
  readonly origin: string;
  /** name sent as SNI and verified in the certificate */
  readonly serverName: string;
  /** absolute path of PEM certificates trusted beside the system's roots */
  readonly caFile?: string;
}

/** How every upstream is used; each number per worker. */
export interface UpstreamUse {
  readonly connectTimeoutMs: number;
  /** to the first byte of the answer */
  readonly responseTimeoutMs: number;
  readonly maxConnections: number;
}

export type KeyType = 'ecdsa-p256' | 'ecdsa-p384' | 'rsa-2048';
export type ChallengeType = 'http-01' | 'tls-alpn-01' | 'dns-01';

/** A name server that takes dynamic updates (RFC 2136), each signed by TSIG (RFC 8945, hmac-sha256). */
export interface Rfc2136Settings {
  readonly type: 'rfc2136';
  readonly server: ListenAddress;
  readonly keyName: string;
  /** absolute path of the shared secret in base64 */
  readonly keyFile: string;
  /** apex of the zone; found by asking the server when absent */
  readonly zone?: string;
}

/** A program of the user's: `PROGRAM ARGS… present|cleanup NAME VALUE`. */
export interface ExecDnsSettings {
  readonly type: 'exec';
  /** absolute path, then arguments */
  readonly command: readonly string[];
  readonly timeoutMs: number;
}

/** Where the TXT records of dns-01 are put. */
export interface DnsSettings {
  readonly provider: Rfc2136Settings | ExecDnsSettings;
  /** servers asked instead of the system's, and instead of the authoritative ones (tests, split DNS) */
  readonly resolvers: readonly ListenAddress[];
  /** how long a record may take to be seen at every authoritative server */
  readonly propagationMs: number;
}

export interface AcmeIssuerSettings {
  readonly type: 'acme';
  /** the word of the configuration (`letsencrypt`), else the directory's host: names the issuer in logs and metrics */
  readonly name: string;
  /** directory URL (RFC 8555 §7.1.1) */
  readonly directory: string;
  readonly email?: string;
  /** tried in this order, as far as the CA offers them */
  readonly challenges: readonly ChallengeType[];
  /** external account binding (RFC 8555 §7.3.4) */
  readonly eab?: {
    readonly keyId: string;
    /** absolute path of the HMAC key in base64url */
    readonly hmacKeyFile: string;
  };
  /** certificate profile asked for; an error where the CA does not have it */
  readonly profile?: string;
  /** common name of a root or an intermediate: of several chains the one that has it is taken */
  readonly preferredChain?: string;
  /** for dns-01 */
  readonly dns?: DnsSettings;
  /** absolute path of PEM certificates trusted, beside the system's roots, for the directory's own TLS */
  readonly caFile?: string;
}

export interface LocalIssuerSettings {
  readonly type: 'local';
  readonly name: 'local';
}

export type IssuerSettings = AcmeIssuerSettings | LocalIssuerSettings;

/** A JSON document, checked for its shape when the settings were loaded. */
export interface UniversalLinkFile {
  /** absolute path, for messages */
  readonly file: string;
  readonly text: string;
}

export interface DomainSettings {
  /** normalized: lower-case A-labels, no trailing dot */
  readonly name: string;
  readonly upstream: UpstreamId;
  /** port 80 answers 308 to https once the certificate is live */
  readonly redirectHttp: boolean;
  /** answers on https carry `Strict-Transport-Security: max-age=…`; Customer.io's check turns red on it */
  readonly hstsMaxAgeSeconds?: number;
  /** files that app links are verified with, answered on 443 instead of forwarded */
  readonly universalLinks?: { readonly apple?: UniversalLinkFile; readonly android?: UniversalLinkFile };
}

/**
 * Ceilings of the request path, per worker. Whatever the internet may send more of has its number here.
 * src/serve/limits.ts has the defaults and what each one answers.
 */
export interface Limits {
  /** request line and fields of one request */
  readonly headerBytes: number;
  readonly headerFields: number;
  readonly bodyBytes: number;
  readonly tlsHandshakeMs: number;
  /** to the end of a request's fields */
  readonly headersMs: number;
  /** to the end of a request's body */
  readonly requestMs: number;
  /** an idle connection, both versions of HTTP */
  readonly keepAliveMs: number;
  /** a reader that takes nothing more of its answer */
  readonly writeIdleMs: number;
  readonly requestsPerConnection: number;
  /** open connections, both listeners together */
  readonly connections: number;
  /** of them from one IPv4 address or one IPv6 /64; trusted proxies are not counted */
  readonly connectionsPerAddress: number;
  readonly http2Streams: number;
  /** stream resets of a session; PING and SETTINGS frames are held to the same numbers */
  readonly http2ResetBurst: number;
  readonly http2ResetsPerSecond: number;
  /** requests that wait for an upstream connection, beside the ones that have one */
  readonly upstreamQueue: number;
  /** silence in the middle of an upstream's body */
  readonly upstreamBodyMs: number;
  /** an idle upstream connection is closed by us, before the tracker's side does */
  readonly upstreamIdleMs: number;
  /** an upstream connection this old is replaced, so that what balances behind one address can move it */
  readonly upstreamConnectionMs: number;
}

export interface Settings {
  readonly listen: {
    readonly https: PublicListen;
    readonly http: PublicListen;
    readonly admin: Listen;
  };
  /** absent: asked by nobody but this machine, who need no token */
  readonly admin?: AdminSettings;
  /** the upstreams that at least one domain uses */
  readonly upstreams: readonly UpstreamSettings[];
  readonly upstreamUse: UpstreamUse;
  /** what differs from the defaults */
  readonly limits?: Partial<Limits>;
  readonly certificates: {
    readonly storage: { readonly type: 'file'; readonly path: string };
    readonly keyType: KeyType;
    /** the names that have one of their own */
    readonly keyTypes?: Readonly<Record<string, KeyType>>;
    readonly issuers: readonly IssuerSettings[];
    /** names taken out of the configuration are served on until their certificate expires */
    readonly keepServing?: boolean;
  };
  readonly domains: readonly DomainSettings[];
  /** addresses and CIDRs of proxies in front whose X-Forwarded-For is believed */
  readonly trustedProxies: readonly string[];
  readonly log: {
    /** the least that is written; info when absent, and LINKGATE_LOG_LEVEL goes before it */
    readonly level?: LogLevel;
    /** which requests get a log line of their own */
    readonly clicks: 'none' | 'sampled' | 'all';
    /** with `sampled`: one in this many */
    readonly sampleEvery: number;
    /** JSON when absent */
    readonly format?: 'json' | 'pretty';
    /** absolute path; stdout when absent */
    readonly file?: string;
  };
  /** how long requests in flight get when a process ends */
  readonly drainMs: number;
  /** serving processes, 1 or more (`auto` is already a number) */
  readonly workers: number;
}
