// The state of a name and its certificate, in the words of the interface and the metrics. cert/ fills it in; admin/ and observe/ show it.

/** live: a valid certificate is served. pending: none yet, first attempt not failed. failing: none yet, last attempt failed. */
export type CertificateState = 'live' | 'pending' | 'failing' | 'expired' | 'retired';

export type CertificateSource = 'acme' | 'local' | 'import';

/** The last problem of a name, as `certs list --json` and `/api/status` show it. */
export interface LastProblem {
  /** ISO 8601, UTC */
  readonly at: string;
  readonly issuer: string;
  /** ACME problem type (RFC 8555 §6.7) where the CA sent one, else an error code of core/errors */
  readonly type: string;
  readonly detail: string;
  readonly remedy: string;
}

/** One row of `certs list --json`. What is unknown is null, so that scripts find every key. */
export interface CertificateStatus {
  readonly domain: string;
  readonly state: CertificateState;
  readonly source: CertificateSource | null;
  readonly issuer: string | null;
  /** lower-case hex */
  readonly serial: string | null;
  readonly notBefore: string | null;
  readonly notAfter: string | null;
  /** when the next order is planned */
  readonly nextAttempt: string | null;
  readonly lastProblem: LastProblem | null;
}

/** The health of one configured issuer, in /api/status. */
export interface IssuerStatus {
  readonly name: string;
  /** whether its last result was good; an issuer that was never asked counts as healthy */
  readonly healthy: boolean;
  /** since when; null before it was asked */
  readonly since: string | null;
  /** null while it is healthy */
  readonly lastProblem: LastProblem | null;
  /** it is not asked until then; null when it is asked */
  readonly retryAt: string | null;
}

/** The renewals of all configured names together. Times in ms since the epoch. */
export interface RenewalFigures {
  /** certificates of ACME CAs by the renewal window of their CA (RFC 9773); `none`: the CA gives none, or was not asked yet */
  readonly windows: Readonly<Record<'ahead' | 'open' | 'past' | 'none', number>>;
  /** when the first window of those ahead opens */
  readonly soonestWindowMs: number | undefined;
  /** when the first renewal is due; in the past when it is late */
  readonly soonestRenewalMs: number | undefined;
  /** how late the latest renewal is, as a share of the lifetime; 0: none is late */
  readonly latenessRatio: number;
  /** the smallest share of its lifetime that a certificate has left, 0 to 1 */
  readonly leastRemainingRatio: number | undefined;
}
