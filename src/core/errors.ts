// The only error class and the table of its codes. Callers switch on `code`, never on text.
// docs/errors.md lists the same codes; a test compares the two.

import type { AttemptDetails, DetailsOf, ErrorDetails } from './error-details.ts';

/** What a code means outside the program: HTTP status for a client, exit code for a shell, and how to fix it. */
export interface ErrorEntry {
  /** HTTP status (RFC 9110 §15) when a client's request meets this error */
  readonly status: number;
  /** process exit code (sysexits.h) when a command ends with it */
  readonly exit: 1 | 64 | 69 | 70 | 78;
  /** whether the same call can succeed later without a person doing anything */
  readonly retry: boolean;
  /** one line for a person: how to fix it */
  readonly help: string;
}

const entry = (status: number, exit: ErrorEntry['exit'], retry: boolean, help: string): ErrorEntry =>
  Object.freeze({ status, exit, retry, help });

/** Every error code of the program. */
export const ERRORS = Object.freeze({
  ERR_USAGE: entry(500, 64, false, 'see `linkgate --help`'),
  ERR_INTERNAL: entry(500, 70, false, 'a bug in linkgate: please report it with the log line'),
  ERR_DESCRIPTORS_EXHAUSTED: entry(
    503,
    69,
    true,
    'allow more open files: `LimitNOFILE=` in the unit, `ulimit -n` in a shell',
  ),

  ERR_CONFIG_INVALID: entry(500, 78, false, 'fix the lines that are named, then run `linkgate check`'),
  ERR_CONFIG_UNREADABLE: entry(500, 78, false, 'give a readable file with --config or $LINKGATE_CONFIG'),

  ERR_LISTEN_IN_USE: entry(500, 69, true, 'stop the other program on that port, or change `listen`'),
  ERR_LISTEN_DENIED: entry(
    500,
    78,
    false,
    'give the process CAP_NET_BIND_SERVICE, or listen on a port above 1023',
  ),
  ERR_LISTEN_NOT_PASSED: entry(
    500,
    78,
    false,
    'start it by the service whose socket unit has this FileDescriptorName=, or give `listen` an address',
  ),
  ERR_LISTEN_UNAVAILABLE: entry(500, 69, true, 'the address in `listen` is not one of this machine'),

  ERR_ADMIN_UNREACHABLE: entry(
    500,
    69,
    true,
    'start it with `linkgate run`, or give the configuration that it runs with',
  ),

  ERR_RELOAD_DENIED: entry(
    500,
    69,
    false,
    'reload as the user of the proxy, on its machine: `systemctl reload linkgate`, or send it SIGHUP',
  ),

  ERR_SYSTEMD_UNFIT: entry(
    500,
    78,
    false,
    'move the file or folder that is named, or give an account with --user',
  ),
  ERR_SYSTEMD_UNWRITABLE: entry(500, 69, false, 'run it as root, or name another folder with --dir'),
  ERR_SYSTEMD_ABSENT: entry(500, 1, false, 'name the folder that install wrote to with --dir'),
  ERR_SYSTEMD_REFUSED: entry(500, 69, true, 'run it as root; `systemctl status linkgate` says more'),

  ERR_STORAGE_UNAVAILABLE: entry(
    503,
    69,
    true,
    'check that the storage folder exists, is writable and has room',
  ),
  ERR_STORAGE_UNREADABLE: entry(
    503,
    69,
    true,
    'give the file that is named to the user of the proxy, or move it away; everything else goes on working',
  ),
  ERR_STORAGE_FOREIGN: entry(
    500,
    78,
    false,
    'run it as the user who owns the storage folder, or give the folder and all in it to the user who runs it',
  ),
  ERR_STORAGE_LOCKED: entry(503, 69, true, 'another process holds the lock; linkgate tries again'),

  ERR_ARCHIVE_INVALID: entry(500, 1, false, 'check the password, and that the file is complete'),
  ERR_ARCHIVE_CONFLICT: entry(500, 1, false, 'import into an empty storage, or with --force'),

  ERR_CERT_INVALID: entry(
    500,
    1,
    false,
    'the certificate cannot be used for this name: issue or import it again',
  ),
  ERR_CERT_ABSENT: entry(
    404,
    1,
    false,
    'issue or import a certificate, or see with `linkgate certs list` why there is none',
  ),
  ERR_CERT_IMPORTED: entry(
    500,
    1,
    false,
    'replace an imported certificate with `linkgate certs import`: linkgate does not renew it',
  ),
  ERR_CERT_UNKNOWN_NAME: entry(404, 1, false, 'add the name to `domains`, or see `linkgate certs list`'),
  ERR_CERT_NAME_UNREADY: entry(
    500,
    1,
    true,
    'fix the DNS records that are named; linkgate checks them again every few minutes',
  ),

  ERR_ACME_UNREACHABLE: entry(
    500,
    69,
    true,
    'the CA did not answer; linkgate tries again with growing pauses',
  ),
  ERR_ACME_TIMEOUT: entry(
    500,
    69,
    true,
    'the CA did not finish in time; linkgate tries again with growing pauses',
  ),
  ERR_ACME_RATE_LIMITED: entry(
    500,
    69,
    true,
    'the CA limits its orders; linkgate tries again at the time that the CA gave',
  ),
  ERR_ACME_UNAUTHORIZED: entry(
    500,
    1,
    true,
    'the CA could not check this name: see that its DNS records, and ports 80 and 443, lead here',
  ),
  ERR_ACME_REFUSED: entry(500, 1, true, 'the CA refused the order: read its detail'),
  ERR_DNS_UNAVAILABLE: entry(
    500,
    69,
    true,
    'the record of a dns-01 challenge could not be set or found: check `dns` of the issuer',
  ),

  ERR_REQUEST_MALFORMED: entry(400, 1, false, 'the request breaks the rules of HTTP'),
  ERR_REQUEST_TIMEOUT: entry(408, 1, true, 'the client sent its request too slowly'),
  ERR_REQUEST_BODY_TOO_LARGE: entry(413, 1, false, 'the request body is larger than the limit'),
  ERR_REQUEST_MISDIRECTED: entry(421, 1, false, 'this name is not served here, or not on this connection'),
  ERR_REQUEST_HEADERS_TOO_LARGE: entry(431, 1, false, 'the request has too many or too large fields'),
  ERR_REQUEST_UNSUPPORTED: entry(501, 1, false, 'CONNECT is not served'),

  ERR_UPSTREAM_UNREACHABLE: entry(502, 69, true, 'the tracker did not accept the connection'),
  ERR_UPSTREAM_TLS: entry(502, 69, true, 'the certificate of the tracker was not valid for its name'),
  ERR_UPSTREAM_INVALID: entry(
    502,
    69,
    true,
    'the tracker ended its response early, or the response was not HTTP',
  ),
  ERR_UPSTREAM_BUSY: entry(503, 69, true, 'all connections to the tracker are taken and the queue is full'),
  ERR_UPSTREAM_TIMEOUT: entry(504, 69, true, 'the tracker did not answer in time'),
} satisfies Record<`ERR_${string}`, ErrorEntry>);

export type ErrorCode = keyof typeof ERRORS;

export interface LinkgateErrorOptions<C extends ErrorCode> {
  readonly cause?: unknown;
  readonly details?: DetailsOf<C>;
}

export interface LinkgateError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  readonly entry: ErrorEntry;
}

/** A constructor cannot be generic: this is its type, so that `details` are checked by `code`. */
interface LinkgateErrorConstructor {
  new <C extends ErrorCode>(code: C, message: string, options?: LinkgateErrorOptions<C>): LinkgateError;
  readonly prototype: LinkgateError;
}

/** The program's only error class. `message` is lower case, subject first, values quoted. */
export const LinkgateError: LinkgateErrorConstructor = class extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly details?: ErrorDetails } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'LinkgateError';
    this.code = code;
    this.details = options.details ?? {};
  }

  get entry(): ErrorEntry {
    return ERRORS[this.code];
  }
};

/** The same error with one more fact of the attempt, or another remedy; the error itself is the cause of the new one. */
export const withDetails = (
  error: LinkgateError,
  more: AttemptDetails & Pick<ErrorDetails, 'remedy'>,
): LinkgateError => {
  // They are details of this code already.
  const details = { ...error.details, ...more } as DetailsOf<ErrorCode>;
  return new LinkgateError(error.code, error.message, { cause: error, details });
};

/** Never throws: `String()` of an object calls code of that object, which may be broken. */
const messageOf = (thrown: unknown): string => {
  if (thrown instanceof Error) return thrown.message;
  return typeof thrown === 'object' || typeof thrown === 'function'
    ? 'something that is no Error was thrown'
    : String(thrown);
};

/** open(2): of this process, of the machine */
const isExhausted = (thrown: unknown): boolean =>
  thrown instanceof Error && 'code' in thrown && (thrown.code === 'EMFILE' || thrown.code === 'ENFILE');

/** The error itself when it is a LinkgateError; else a LinkgateError with this `code` and the error as its cause. */
export const toLinkgateError = (error: unknown, code: ErrorCode = 'ERR_INTERNAL'): LinkgateError => {
  if (error instanceof LinkgateError) return error;
  const found = code === 'ERR_INTERNAL' && isExhausted(error) ? 'ERR_DESCRIPTORS_EXHAUSTED' : code;
  return new LinkgateError(found, messageOf(error), { cause: error });
};
