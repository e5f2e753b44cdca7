// /api/status: how the proxy stands, in the shape scripts rely on (docs/operations). Only puts parts together.

import type { CertificateStatus, IssuerStatus } from '../core/certificate-state.ts';
import type { DayCount } from '../core/day-count.ts';
import type { DomainSettings, Region, UpstreamSettings } from '../core/settings.ts';

export interface WorkerStatus {
  readonly pid: number;
  readonly state: 'starting' | 'ready' | 'draining';
}

/** How the last reload went. */
export interface ReloadStatus {
  /** counts from 1 since the start */
  readonly number: number;
  /** ISO 8601, UTC */
  readonly at: string;
  /** what was wrong with the configuration; null: it was taken up */
  readonly problem: string | null;
  /** keys that wait for the next start */
  readonly atRestart: readonly string[];
}

export interface StatusParts {
  readonly version: string;
  readonly startedAtMs: number;
  readonly ready: boolean;
  readonly workers: readonly WorkerStatus[];
  readonly upstreams: readonly UpstreamSettings[];
  /** whether the last that was heard of an upstream is good; undefined: nothing was heard yet, which counts as good */
  readonly upstreamHealthy: (upstream: UpstreamSettings) => boolean | undefined;
  readonly issuers: readonly IssuerStatus[];
  readonly domains: readonly DomainSettings[];
  readonly reload: ReloadStatus | null;
  /** what each name served by day; one that is missing here served nothing, or is not counted by itself */
  readonly days: ReadonlyMap<string, readonly DayCount[]>;
  /** how every name stands; one that is missing here is pending */
  readonly certificates: readonly CertificateStatus[];
}

export interface Status {
  /** of the supervisor: who signals are for */
  readonly pid: number;
  readonly version: string;
  readonly node: string;
  /** ISO 8601, UTC */
  readonly startedAt: string;
  readonly ready: boolean;
  /** null: the configuration is the one of the start */
  readonly reload: ReloadStatus | null;
  readonly workers: readonly WorkerStatus[];
  /** `region` is null for an address of one's own */
  readonly upstreams: readonly {
    readonly region: Region | null;
    readonly url: string;
    readonly healthy: boolean;
  }[];
  /** in the order they are tried */
  readonly issuers: readonly IssuerStatus[];
  readonly domains: readonly {
    readonly name: string;
    readonly region: Region | null;
    readonly state: CertificateStatus['state'];
    readonly certificate: CertificateStatus;
    /** what port 80 does with a link: forwards it, or redirects to https once that works */
    readonly http: 'forward' | 'redirect';
    /** whether https is served: a certificate is live */
    readonly https: boolean;
    /** seconds of the HSTS policy it sends; null: none, as Customer.io wants it */
    readonly hstsMaxAge: number | null;
    /** today (UTC) first, as far back as this process saw, eight days at most */
    readonly days: readonly DayCount[];
  }[];
}

const pending = (domain: string): CertificateStatus => ({
  domain,
  state: 'pending',
  source: null,
  issuer: null,
  serial: null,
  notBefore: null,
  notAfter: null,
  nextAttempt: null,
  lastProblem: null,
});

const regionOf = (upstream: UpstreamSettings['id']): Region | null =>
  upstream === 'custom' ? null : upstream;

/** Builds the answer of /api/status, domains in the order of the configuration. */
export const buildStatus = (parts: StatusParts): Status => {
  const certificates = new Map(parts.certificates.map((status) => [status.domain, status]));
  return {
    pid: process.pid,
    version: parts.version,
    node: process.version,
    startedAt: new Date(parts.startedAtMs).toISOString(),
    ready: parts.ready,
    reload: parts.reload,
    workers: parts.workers.map(({ pid, state }) => ({ pid, state })),
    upstreams: parts.upstreams.map((upstream) => ({
      region: regionOf(upstream.id),
      url: upstream.origin,
      healthy: parts.upstreamHealthy(upstream) ?? true,
    })),
    issuers: parts.issuers,
    domains: parts.domains.map(({ name, upstream, redirectHttp, hstsMaxAgeSeconds }) => {
      const certificate = certificates.get(name) ?? pending(name);
      const https = certificate.state === 'live';
      return {
        name,
        region: regionOf(upstream),
        state: certificate.state,
        certificate,
        http: redirectHttp && https ? 'redirect' : 'forward',
        https,
        hstsMaxAge: hstsMaxAgeSeconds ?? null,
        days: parts.days.get(name) ?? [],
      };
    }),
  };
};
