// Every metric of the program, in one table. metrics.ts builds from it and docs/metrics.md is checked against it.
// Label values are bounded sets; nothing a client sends becomes one.

import { CLICK_KINDS } from './clicks.ts';

/** gate: counted in each gate and summed by the keeper. keeper: exists once. */
export type Side = 'gate' | 'keeper';

interface Entry {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly side: Side;
  readonly help: string;
  readonly labels: readonly string[];
  /** upper bounds, in the unit of the name */
  readonly buckets?: readonly number[];
}

/** Half a millisecond to half a minute: a forward within one region lies between 5 ms and 500 ms. */
const REQUEST_SECONDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
] as const;

/** An order waits for the CA, which may take minutes. */
const ORDER_SECONDS = [0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300, 600] as const;

export const CATALOGUE = Object.freeze({
  linkgate_clicks_total: {
    type: 'counter',
    side: 'gate',
    help: 'Requests of configured names that were answered, by kind of link and class of status',
    labels: ['domain', 'kind', 'code'],
  },
  linkgate_request_duration_seconds: {
    type: 'histogram',
    side: 'gate',
    help: 'From the head of a request to the last byte of its answer',
    labels: ['kind'],
    buckets: REQUEST_SECONDS,
  },
  linkgate_upstream_duration_seconds: {
    type: 'histogram',
    side: 'gate',
    help: 'From handing a request to the tracker to the head of its answer',
    labels: [],
    buckets: REQUEST_SECONDS,
  },
  linkgate_upstream_errors_total: {
    type: 'counter',
    side: 'gate',
    help: 'Requests the tracker did not answer',
    labels: ['reason'],
  },
  linkgate_upstream_connections: {
    type: 'gauge',
    side: 'gate',
    help: 'Connections to the trackers, all gates together',
    labels: ['state'],
  },
  linkgate_upstream_lookups_total: {
    type: 'counter',
    side: 'gate',
    help: 'Looks at where a tracker is, by what came of them',
    labels: ['result'],
  },
  linkgate_rejected_total: {
    type: 'counter',
    side: 'gate',
    help: 'Requests and connections refused before they had a configured name',
    labels: ['reason'],
  },
  linkgate_tls_handshakes_total: {
    type: 'counter',
    side: 'gate',
    help: 'TLS handshakes; a failed one has version none',
    labels: ['result', 'version', 'resumed'],
  },
  linkgate_tls_context_lookups_total: {
    type: 'counter',
    side: 'gate',
    help: 'Looks into the cache of TLS contexts',
    labels: ['result'],
  },
  linkgate_tls_contexts: {
    type: 'gauge',
    side: 'gate',
    help: 'TLS contexts in memory, all gates together',
    labels: ['state'],
  },
  linkgate_certificates: {
    type: 'gauge',
    side: 'keeper',
    help: 'Configured names by the state of their certificate',
    labels: ['state'],
  },
  linkgate_certificate_not_after_seconds: {
    type: 'gauge',
    side: 'keeper',
    help: 'When the certificate of a name ends, in seconds since 1970; _other is the soonest of the rest',
    labels: ['domain'],
  },
  linkgate_certificate_soonest_expiry_seconds: {
    type: 'gauge',
    side: 'keeper',
    help: 'When the first of all certificates ends, in seconds since 1970; absent while there is none',
    labels: [],
  },
  linkgate_acme_orders_total: {
    type: 'counter',
    side: 'keeper',
    help: 'Orders for certificates that came to an end',
    labels: ['issuer', 'result'],
  },
  linkgate_acme_order_duration_seconds: {
    type: 'histogram',
    side: 'keeper',
    help: 'From the start of an order to its end',
    labels: [],
    buckets: ORDER_SECONDS,
  },
  linkgate_config_reloads_total: {
    type: 'counter',
    side: 'keeper',
    help: 'Times the configuration was read again; failed leaves the old settings in place',
    labels: ['result'],
  },
  linkgate_workers: {
    type: 'gauge',
    side: 'keeper',
    help: 'Gates that run',
    labels: [],
  },
  linkgate_gate_restarts_total: {
    type: 'counter',
    side: 'keeper',
    help: 'Gates that ended without being told to and were replaced',
    labels: [],
  },
  linkgate_build_info: {
    type: 'gauge',
    side: 'keeper',
    help: 'Always 1; the labels say what runs',
    labels: ['version', 'node'],
  },
} as const satisfies Record<`linkgate_${string}`, Entry>);

export type Catalogue = typeof CATALOGUE;
export type MetricName = keyof Catalogue;

/** The values a label may take, where they are few and known. */
export const LABEL_VALUES = Object.freeze({
  kind: CLICK_KINDS,
  /** class of the status; a client that left before it was answered counts as 4xx */
  code: ['2xx', '3xx', '4xx', '5xx'],
  version: ['TLSv1.2', 'TLSv1.3', 'none'],
  state: ['live', 'pending', 'failing', 'expired', 'retired'],
} as const);
