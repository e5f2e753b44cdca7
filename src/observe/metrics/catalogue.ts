// Every metric of the program, in one table. metrics.ts makes the metrics from it, and a test compares docs/metrics.md with it.
// The values of a label are bounded sets; no text of a client becomes one.

import { ERRORS, type ErrorCode } from '../../core/errors.ts';
import { CLICK_KINDS } from '../request-kind.ts';

/** worker: each worker counts, the supervisor sums up. supervisor: exists once. both: every process counts, and the sum is shown. */
export type Side = 'worker' | 'supervisor' | 'both';

/** The configuration or the build sets the values of these labels: one for each name or CA, or one. */
export const CONFIGURED = 'configured';

type Labels = Readonly<Record<string, readonly string[] | typeof CONFIGURED>>;

interface Entry {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly side: Side;
  readonly help: string;
  /** each label with all its values */
  readonly labels: Labels;
  /** upper bounds, in the unit of the name */
  readonly buckets?: readonly number[];
}

const counter = <const S extends Side>(side: S, help: string, labels: Labels = {}) =>
  ({ type: 'counter', side, help, labels }) as const;

const gauge = <const S extends Side>(side: S, help: string, labels: Labels = {}) =>
  ({ type: 'gauge', side, help, labels }) as const;

/** One label at most, so that an index finds the place of an observation. */
const histogram = <const S extends Side>(
  side: S,
  help: string,
  { buckets, labels = {} }: { readonly buckets: readonly number[]; readonly labels?: Labels },
) => ({ type: 'histogram', side, help, labels, buckets }) as const;

/** `ERR_UPSTREAM_TLS` → `tls` */
export const reasonOf = (code: ErrorCode): string =>
  code
    .replace(/^ERR_[A-Z]+_/, '')
    .toLowerCase()
    .replaceAll('_', '-');

const reasonsOf = (...areas: readonly string[]): readonly string[] =>
  (Object.keys(ERRORS) as ErrorCode[])
    .filter((code) => areas.some((area) => code.startsWith(`ERR_${area}_`)))
    .map(reasonOf);

/** The label for everything that a bounded set has no room for. */
export const OTHER = '_other';

/** The problem types of a CA (RFC 8555 §6.7, RFC 9773 §7.4, profiles), then those of linkgate where the CA gave none. */
export const ACME_PROBLEMS: readonly string[] = [
  'accountDoesNotExist alreadyReplaced alreadyRevoked badCSR badNonce badPublicKey badRevocationReason',
  'badSignatureAlgorithm caa compound connection dns externalAccountRequired incorrectResponse invalidContact',
  'invalidProfile malformed orderNotReady rateLimited rejectedIdentifier serverInternal tls unauthorized',
  'unsupportedContact unsupportedIdentifier userActionRequired',
].flatMap((line) => line.split(' '));

/** `own-limit`: linkgate's own count of the limits of the CA held the order back. */
export const OWN_LIMIT = 'own-limit';

const ORDER_FAILURES = [...new Set([...ACME_PROBLEMS, ...reasonsOf('ACME'), 'invalid', OWN_LIMIT, OTHER])];

export const PROCESSES = ['supervisor', 'worker'] as const;
export const STORAGE_OPERATIONS = ['read', 'write', 'remove', 'list', 'lock'] as const;
/** class of the status; a client that left before its response counts as 4xx */
export const CODES = ['2xx', '3xx', '4xx', '5xx'] as const;
export const CERTIFICATE_STATES = ['live', 'pending', 'failing', 'expired', 'retired'] as const;
/** Why a handshake failed. */
export const HANDSHAKE_FAILURES =
  'unknown-name no-certificate untrusted version cipher gone timeout protocol internal'.split(' ');

/** Half a millisecond to half a minute; to forward a request within one region takes 5 ms to 500 ms. */
const REQUEST_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** An order waits for the CA, which may take minutes. */
const ORDER_SECONDS = [0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300, 600];
/** A name may have to wait days for its DNS records. */
const FIRST_ISSUE_SECONDS = [5, 15, 30, 60, 300, 1800, 7200, 21_600, 86_400, 604_800];
const STORAGE_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5];
const LOOP_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

export const CATALOGUE = Object.freeze({
  linkgate_clicks_total: counter(
    'worker',
    'Requests of configured names that had a response, by kind of link and class of status',
    { domain: CONFIGURED, kind: CLICK_KINDS, code: CODES },
  ),
  linkgate_request_duration_seconds: histogram(
    'worker',
    'From the head of a request to the last byte of its response',
    { buckets: REQUEST_SECONDS, labels: { kind: CLICK_KINDS } },
  ),
  linkgate_requests_in_flight: gauge('worker', 'Requests for the tracker that are in progress'),
  linkgate_rejected_total: counter(
    'worker',
    'Requests and connections refused before they had a configured name',
    { reason: [...reasonsOf('REQUEST'), 'total', 'address', 'proxy-protocol', 'silent', 'idle'] },
  ),
  linkgate_connections: gauge('worker', 'Open connections of clients, by listener and protocol', {
    listener: ['https', 'http'],
    protocol: ['h1', 'h2', 'none'],
  }),
  linkgate_upstream_duration_seconds: histogram(
    'worker',
    'From sending a request to the tracker to the head of its response',
    { buckets: REQUEST_SECONDS },
  ),
  linkgate_upstream_errors_total: counter('worker', 'Requests the tracker did not answer', {
    reason: reasonsOf('UPSTREAM'),
  }),
  linkgate_upstream_connections: gauge('worker', 'Connections to the trackers, all workers together', {
    state: ['active', 'idle', 'connecting'],
  }),
  linkgate_upstream_queued_requests: gauge(
    'worker',
    'Requests that wait for a connection to the tracker now',
  ),
  linkgate_upstream_queue_wait_seconds: histogram(
    'worker',
    'How long requests waited for a connection to the tracker; requests that did not wait are not counted',
    { buckets: REQUEST_SECONDS },
  ),
  linkgate_upstream_lookups_total: counter(
    'worker',
    'Lookups of the addresses of a tracker, by their result',
    {
      result: ['answered', 'kept', 'failed'],
    },
  ),
  linkgate_upstream_reachable: gauge('supervisor', 'Whether the last result of a tracker is good (1)', {
    upstream: CONFIGURED,
  }),
  linkgate_tls_handshakes_total: counter('worker', 'TLS handshakes; a failed one has version none', {
    result: ['ok', ...HANDSHAKE_FAILURES],
    version: ['TLSv1.2', 'TLSv1.3', 'none'],
    resumed: ['true', 'false'],
  }),
  linkgate_tls_context_lookups_total: counter('worker', 'Lookups in the cache of TLS contexts', {
    result: ['hit', 'miss', 'absent', 'failed'],
  }),
  linkgate_tls_contexts: gauge('worker', 'TLS contexts in memory, all workers together', {
    state: ['cached', 'loading'],
  }),
  linkgate_tls_context_load_duration_seconds: histogram(
    'worker',
    'From asking the storage for a certificate to a TLS context that serves it',
    { buckets: STORAGE_SECONDS },
  ),
  linkgate_tls_context_evictions_total: counter('worker', 'TLS contexts removed from memory to make room'),
  linkgate_certificates: gauge('supervisor', 'Configured names by the state of their certificate', {
    state: CERTIFICATE_STATES,
  }),
  linkgate_certificate_not_after_seconds: gauge(
    'supervisor',
    'When the certificate of a name ends, in seconds since 1970; _other is the soonest of the rest',
    { domain: CONFIGURED },
  ),
  linkgate_certificate_soonest_expiry_seconds: gauge(
    'supervisor',
    'When the first of all certificates ends, in seconds since 1970; absent while there is none',
  ),
  linkgate_certificate_least_remaining_ratio: gauge(
    'supervisor',
    'Smallest share of its lifetime that a certificate has left, 0 to 1; absent while there is none',
  ),
  linkgate_certificate_soonest_renewal_seconds: gauge(
    'supervisor',
    'When the first of all renewals is due, in seconds since 1970; absent while none is planned',
  ),
  linkgate_certificate_renewal_lateness_ratio: gauge(
    'supervisor',
    'How late the latest renewal is, as a share of the lifetime; 0 when none is late',
  ),
  linkgate_certificate_first_issue_seconds: histogram(
    'supervisor',
    'From a name in the configuration (or the start of the program) to its first certificate',
    { buckets: FIRST_ISSUE_SECONDS },
  ),
  linkgate_ari_windows: gauge(
    'supervisor',
    'Certificates of ACME CAs, by the state of their renewal window',
    {
      state: ['ahead', 'open', 'past', 'none'],
    },
  ),
  linkgate_ari_soonest_start_seconds: gauge(
    'supervisor',
    'When the first renewal window of those ahead opens, in seconds since 1970; absent while there is none',
  ),
  linkgate_acme_orders_total: counter('supervisor', 'Orders for certificates that ended', {
    issuer: CONFIGURED,
    result: ['issued', 'failed'],
  }),
  linkgate_acme_order_duration_seconds: histogram('supervisor', 'From the start of an order to its end', {
    buckets: ORDER_SECONDS,
  }),
  linkgate_acme_failures_total: counter('supervisor', 'Orders that failed, by the CA and its problem type', {
    issuer: CONFIGURED,
    type: ORDER_FAILURES,
  }),
  linkgate_acme_orders_left: gauge(
    'supervisor',
    'Orders that the CA still allows the account now, as linkgate counts them; +Inf where the limit is not known',
    { issuer: CONFIGURED },
  ),
  linkgate_acme_orders_limit: gauge(
    'supervisor',
    'Orders that the CA allows the account in its window; +Inf where the limit is not known',
    { issuer: CONFIGURED },
  ),
  linkgate_issuer_healthy: gauge('supervisor', 'Whether the last result of a CA is good (1)', {
    issuer: CONFIGURED,
  }),
  linkgate_storage_duration_seconds: histogram(
    'both',
    'Duration of a call to the storage; a lock includes the wait for its holder',
    { buckets: STORAGE_SECONDS, labels: { operation: STORAGE_OPERATIONS } },
  ),
  linkgate_storage_errors_total: counter('both', 'Calls to the storage that failed', {
    operation: STORAGE_OPERATIONS,
  }),
  linkgate_log_lines_lost_total: counter(
    'both',
    'Log lines that were lost: the disk is full, or nobody reads them',
    {
      process: PROCESSES,
    },
  ),
  linkgate_ready: gauge('supervisor', 'Whether /readyz says so (1)'),
  linkgate_config_reloads_total: counter(
    'supervisor',
    'Times the configuration was read again; failed leaves the old settings in place',
    { result: ['ok', 'failed'] },
  ),
  linkgate_workers: gauge('supervisor', 'Workers that run'),
  linkgate_worker_restarts_total: counter(
    'supervisor',
    'Workers that ended without being asked to, and were replaced',
  ),
  linkgate_worker_drains_total: counter(
    'worker',
    'Workers that ended as they were asked to: all requests finished, or connections cut after the drain time',
    { result: ['finished', 'cut'] },
  ),
  linkgate_event_loop_delay_seconds: histogram(
    'both',
    'How late a timer ran, measured ten times a second in each process',
    { buckets: LOOP_SECONDS, labels: { process: PROCESSES } },
  ),
  linkgate_process_cpu_seconds_total: counter('both', 'CPU time, user and system', { process: PROCESSES }),
  linkgate_process_resident_memory_bytes: gauge(
    'both',
    'Resident memory; memory that workers share counts in each of them',
    { process: PROCESSES },
  ),
  linkgate_process_start_time_seconds: gauge(
    'supervisor',
    'When the supervisor started, in seconds since 1970',
  ),
  linkgate_runtime_supported: gauge('supervisor', 'Whether Node is at or above its security floor (1)'),
  linkgate_build_info: gauge('supervisor', 'Always 1; the labels say what runs', {
    version: CONFIGURED,
    node: CONFIGURED,
  }),
} as const satisfies Record<`linkgate_${string}`, Entry>);

export type Catalogue = typeof CATALOGUE;
export type MetricName = keyof Catalogue;
