// Which facts an error of each code may carry. Types only; errors.ts has the codes.

/** One mistake in a configuration. `line` and `column` count from 1, in `file`: the configuration or its domainsFile. */
export interface ConfigProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** `domains[1].region`; empty when the whole document is meant */
  readonly path: string;
  readonly message: string;
}

interface OfDomain {
  readonly domain: string;
}

interface OfListener {
  readonly listener: string;
  readonly host: string;
  readonly port: number;
  /** `EADDRINUSE` */
  readonly errno: string;
  /** what a person does about it, where `listen` of a configuration is not the place */
  readonly remedy?: string;
}

/** Facts of an attempt that ended with an error of any code: withDetails (errors.ts) adds them. */
export interface AttemptDetails {
  /** name of the issuer in the settings */
  readonly issuer?: string;
  /** the kind of challenge that the order failed at: `http-01` */
  readonly challenge?: string;
  /** how many orders in a row failed at their validation */
  readonly validations?: number;
}

/** An order that was not filled. `type`, `detail` and `subproblems` are the CA's own words (RFC 8555 §6.7). */
interface OfOrder extends AttemptDetails {
  readonly domain?: string;
  readonly type?: string;
  readonly detail?: string;
  readonly subproblems?: readonly {
    readonly type: string;
    readonly detail: string;
    readonly name?: string;
  }[];
  /** HTTP status of the CA's response */
  readonly status?: number;
  /** the CA, or its limit as it is counted here, wants no attempt sooner */
  readonly retryAfterMs?: number;
  /** the limit that is counted here held the order back: the CA was not asked */
  readonly ownLimit?: boolean;
}

/** Which details an error of each code may carry; a code that is not listed carries none. */
export interface DetailsByCode {
  readonly ERR_CONFIG_INVALID: { readonly file: string; readonly problems: readonly ConfigProblem[] };
  readonly ERR_LISTEN_IN_USE: OfListener;
  readonly ERR_LISTEN_DENIED: OfListener;
  readonly ERR_LISTEN_UNAVAILABLE: OfListener;
  readonly ERR_STORAGE_UNAVAILABLE: { readonly path: string; /** `ENOSPC` */ readonly code?: string };
  /** `path`: of one file or folder in the storage */
  readonly ERR_STORAGE_UNREADABLE: { readonly path: string };
  /** `uid`: of its owner */
  readonly ERR_STORAGE_FOREIGN: { readonly path: string; readonly uid: number };
  readonly ERR_CERT_INVALID: OfDomain;
  readonly ERR_CERT_ABSENT: OfDomain;
  readonly ERR_CERT_UNKNOWN_NAME: OfDomain;
  /** `remedy`: what a person does about it */
  readonly ERR_CERT_NAME_UNREADY: OfDomain & { readonly remedy: string };
  readonly ERR_ACME_UNREACHABLE: OfOrder;
  readonly ERR_ACME_RATE_LIMITED: OfOrder;
  readonly ERR_ACME_UNAUTHORIZED: OfOrder;
  readonly ERR_ACME_REFUSED: OfOrder;
}

/** What the constructor takes for a code. */
export type DetailsOf<C> = C extends keyof DetailsByCode ? DetailsByCode[C] : never;

type Details = DetailsByCode[keyof DetailsByCode];
type KeyOf<Each> = Each extends unknown ? keyof Each : never;
type ValueOf<Each, Key> = Each extends unknown ? (Key extends keyof Each ? Each[Key] : never) : never;

/**
 * Facts of one error, for the log and for callers that act on them. A key has one type, whatever the code. Never a secret, a path of a
 * click or a body.
 */
export type ErrorDetails = {
  readonly [Key in KeyOf<Details>]?: ValueOf<Details, Key>;
};
