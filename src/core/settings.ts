// The settings for every part of the program: numbers, URLs as strings, lower-case names. Only config/ makes them. They are frozen, and
// plain data, so that the supervisor can send them to a worker in a message.

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
   * name of a socket that the service manager opened (systemd.socket) and passed in, so that none is bound here; `host` and `port` are
   * then the address where it is assumed to be, for requests from outside
   */
  readonly fd?: string;
}

/** A listener that clients reach, directly or through a load balancer. */
export interface PublicListen extends Listen {
  /** addresses and CIDRs of peers whose connections begin with a PROXY protocol header (v1 or v2) */
  readonly proxyProtocol?: readonly string[];
}

/** Who may use the admin port, and how. Files are absolute paths; they are read at the start and at each reload. */
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
    /** what commands on this machine present; absent: the certificate of the server */
    readonly clientCertFile?: string;
    readonly clientKeyFile?: string;
  };
  /** open: /metrics needs no token */
  readonly metrics?: 'guarded' | 'open';
  /** host names that it accepts as well as addresses and `localhost`; lower case */
  readonly hosts?: readonly string[];
}

export interface UpstreamSettings {
  readonly id: UpstreamId;
  /** `https://host[:port]`, nothing behind it */
  readonly origin: string;
  /** name sent as SNI and verified in the certificate */
  readonly serverName: string;
  /** absolute path of the file that `caPem` was read from, for messages */
  readonly caFile?: string;
  /** certificates that are trusted as well as the roots of the system; read once, so that no worker needs the file */
  readonly caPem?: string;
}

/** How every upstream is used; each number per worker. */
export interface UpstreamUse {
  readonly connectTimeoutMs: number;
  /** to the first byte of the response */
  readonly responseTimeoutMs: number;
  readonly maxConnections: number;
}

export type KeyType = 'ecdsa-p256' | 'ecdsa-p384' | 'rsa-2048';
/** Which clients may speak: `compatible` has suites for old ones, `modern` is TLS 1.3 alone. */
export type TlsProfile = 'intermediate' | 'compatible' | 'modern';
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
  /** name servers to ask instead of those of the system and instead of the authoritative ones (tests, split DNS) */
  readonly resolvers: readonly ListenAddress[];
  /** how long a record may take to reach every authoritative server */
  readonly propagationMs: number;
}

export interface AcmeIssuerSettings {
  readonly type: 'acme';
  /** the word of the configuration (`letsencrypt`), else the host of the directory; logs and metrics use it */
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
  /** certificate profile to ask for; an error when the CA does not have it */
  readonly profile?: string;
  /** common name of a root or an intermediate: selects one of several chains */
  readonly preferredChain?: string;
  /** for dns-01 */
  readonly dns?: DnsSettings;
  /** absolute path of PEM certificates that are trusted as well as the roots of the system, for the TLS of the directory */
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
  /** port 80 redirects (308) to https once the certificate is live */
  readonly redirectHttp: boolean;
  /** responses on https carry `Strict-Transport-Security: max-age=…`; Customer.io's check turns red on it */
  readonly hstsMaxAgeSeconds?: number;
  /** files that verify app links; port 443 serves them instead of forwarding the request */
  readonly universalLinks?: { readonly apple?: UniversalLinkFile; readonly android?: UniversalLinkFile };
}

/**
 * Ceilings of the request path, for each worker. Everything that a client can send too much of has its number here.
 * src/serve/limits.ts has the defaults, and the response at each limit.
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
  /** a client that reads no more of its response */
  readonly writeIdleMs: number;
  readonly requestsPerConnection: number;
  /** open connections, both listeners together */
  readonly connections: number;
  /** the same from one IPv4 address or one IPv6 /64; trusted proxies are not counted */
  readonly connectionsPerAddress: number;
  readonly http2Streams: number;
  /** stream resets of a session; PING and SETTINGS frames have the same limits */
  readonly http2ResetBurst: number;
  readonly http2ResetsPerSecond: number;
  /** requests that wait for an upstream connection; those that have one are not counted */
  readonly upstreamQueue: number;
  /** the longest pause in the middle of an upstream's body */
  readonly upstreamBodyMs: number;
  /** an idle upstream connection is closed after this time, before the tracker closes it */
  readonly upstreamIdleMs: number;
  /** an upstream connection of this age is replaced, so that a load balancer behind the address can move it */
  readonly upstreamConnectionMs: number;
}

export interface Settings {
  readonly listen: {
    readonly https: PublicListen;
    readonly http: PublicListen;
    readonly admin: Listen;
  };
  /** absent: only this machine can use the admin port, without a token */
  readonly admin?: AdminSettings;
  /** the upstreams that at least one domain uses */
  readonly upstreams: readonly UpstreamSettings[];
  readonly upstreamUse: UpstreamUse;
  /** of the https listener; absent: intermediate */
  readonly tlsProfile?: TlsProfile;
  /** what differs from the defaults */
  readonly limits?: Partial<Limits>;
  readonly certificates: {
    readonly storage: { readonly type: 'file'; readonly path: string };
    readonly keyType: KeyType;
    /** by name, where it differs */
    readonly keyTypes?: Readonly<Record<string, KeyType>>;
    readonly issuers: readonly IssuerSettings[];
    /** removed domains are served until their certificate expires */
    readonly keepServing?: boolean;
  };
  readonly domains: readonly DomainSettings[];
  /** addresses and CIDRs of the proxies in front of this one whose X-Forwarded-For is trusted */
  readonly trustedProxies: readonly string[];
  readonly log: {
    /** the lowest level that is written; absent: info. LINKGATE_LOG_LEVEL overrides it. */
    readonly level?: LogLevel;
    /** which requests have a log line */
    readonly clicks: 'none' | 'sampled' | 'all';
    /** `sampled` writes one of this many */
    readonly sampleEvery: number;
    /** JSON when absent */
    readonly format?: 'json' | 'pretty';
    /** absolute path; stdout when absent */
    readonly file?: string;
  };
  /** how long requests in flight may take when a process ends */
  readonly drainMs: number;
  /** serving processes, 1 or more (`auto` is already a number) */
  readonly workers: number;
}
