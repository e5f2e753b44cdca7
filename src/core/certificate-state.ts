// How a name stands, in the words of interface and metrics: shared by cert/ (which knows), admin/ and observe/.

/** live: a valid certificate is served. pending: none yet, first attempt not failed. failing: none yet, last attempt failed. */
export type CertificateState = 'live' | 'pending' | 'failing' | 'expired' | 'retired';

export type CertificateSource = 'acme' | 'local' | 'import';

/** The last thing that went wrong for a name, as `certs list --json` and `/api/status` show it. */
export interface LastProblem {
  /** ISO 8601, UTC */
  readonly at: string;
  readonly issuer: string;
  /** ACME problem type (RFC 8555 §6.7) where the CA sent one, else an error code of core/errors */
  readonly type: string;
  readonly detail: string;
  readonly remedy: string;
}

/** One row of `certs list --json`. Absent facts are null so that scripts find every key. */
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

/** How one issuer of the configuration stands, in /api/status. */
export interface IssuerStatus {
  readonly name: string;
  /** whether the last that was heard of it is good; an issuer that was never asked counts as good */
  readonly healthy: boolean;
  /** since when it is so; null before it was asked */
  readonly since: string | null;
  /** null while it is healthy */
  readonly lastProblem: LastProblem | null;
  /** it is passed over until then; null when it is asked */
  readonly retryAt: string | null;
}

/** How the renewals of all configured names stand together. Times in ms since the epoch. */
export interface RenewalFigures {
  /** certificates of ACME CAs by where now is to the window their CA wishes (RFC 9773); `none`: it wishes none, or was not asked yet */
  readonly windows: Readonly<Record<'ahead' | 'open' | 'past' | 'none', number>>;
  /** when the first window that lies ahead opens */
  readonly soonestWindowMs: number | undefined;
  /** when the first renewal is wanted; in the past where one is late */
  readonly soonestRenewalMs: number | undefined;
  /** how far the latest is past its time, as a share of the lifetime; 0: none is */
  readonly latenessRatio: number;
  /** least share of its lifetime that a certificate has left, 0 to 1 */
  readonly leastRemainingRatio: number | undefined;
}
