// Counts the events of one worker: clicks, refusals, handshakes, the tracker. A click costs an index and an addition; everything that
// can be asked for later is asked for at a snapshot.

import { Registry } from 'prom-client';
import type { ErrorCode } from '../../core/errors.ts';
import type { EventBus, Events, Listener } from '../../core/events.ts';
import { CODES, HANDSHAKE_FAILURES, OTHER, reasonOf } from './catalogue.ts';
import { CLICK_KINDS, clickKind } from '../request-kind.ts';
import {
  buildMetrics,
  DOMAIN_LABEL_LIMIT,
  labelledNames,
  seconds,
  takeSnapshot,
  type Built,
  type DomainLabels,
  type Metrics,
} from './metrics.ts';
import { countProcess } from './process-metrics.ts';

/** Open connections of clients on one listener. `none`: before its first request or handshake. */
export type ConnectionCounts = Readonly<Record<Listener, Readonly<Record<'h1' | 'h2' | 'none', number>>>>;

/** What a snapshot asks a worker for; metrics without their function are not shown. */
export interface WorkerGauges {
  /** TLS contexts in memory by state (`cached`, `loading`) */
  readonly tlsContexts?: () => Readonly<Record<string, number>>;
  /** connections to the trackers by state */
  readonly upstreamConnections?: () => Readonly<Record<string, number>>;
  readonly queuedRequests?: () => number;
  readonly requestsInFlight?: () => number;
  readonly connections?: () => ConnectionCounts;
}

export interface WorkerMetricsOptions extends DomainLabels, WorkerGauges {
  readonly events: Pick<EventBus, 'on'>;
}

const CLASSES = CODES.length;

/** Index of the class of a status in CODES. */
const statusClass = (status: number): number =>
  status >= 200 && status < 600 ? Math.floor(status / 100) - 2 : CLASSES - 1;

interface Clicks {
  completed(event: Events['request.completed']): void;
  setDomains(names: readonly string[]): void;
}

/** One child for each domain, kind and class, which two indexes find: prom-client would hash the labels on each click. */
const countClicks = (
  metrics: Built<'worker'>,
  { domains, domainLabelLimit = DOMAIN_LABEL_LIMIT }: DomainLabels,
): Clicks => {
  type Cells = { readonly label: string; readonly children: ({ inc(): void } | undefined)[] };
  const cells = new Map<string, Cells>();
  const setDomains = (names: readonly string[]): void => {
    for (const label of labelledNames(names, cells.keys(), domainLabelLimit)) {
      if (!cells.has(label)) cells.set(label, { label, children: [] });
    }
  };
  setDomains(domains);
  const others: Cells = { label: OTHER, children: [] };
  const { linkgate_request_duration_seconds: requests, linkgate_upstream_duration_seconds: upstream } =
    metrics;
  return {
    setDomains,
    completed: (event) => {
      const kind = CLICK_KINDS.indexOf(clickKind(event.target));
      const status = statusClass(event.status);
      const { label, children } = cells.get(event.domain) ?? others;
      const index = kind * CLASSES + status;
      children[index] ??= metrics.linkgate_clicks_total.labels({
        domain: label,
        kind: CLICK_KINDS[kind] ?? 'other',
        code: CODES[status] ?? '5xx',
      });
      children[index].inc();
      requests.observe(kind, seconds(event.durationMs));
      if (event.upstreamMs !== undefined) upstream.observe(0, seconds(event.upstreamMs));
    },
  };
};

const showGauges = (metrics: Built<'worker'>, gauges: WorkerGauges): void => {
  for (const [state, count] of Object.entries(gauges.tlsContexts?.() ?? {})) {
    metrics.linkgate_tls_contexts.set({ state }, count);
  }
  for (const [state, count] of Object.entries(gauges.upstreamConnections?.() ?? {})) {
    metrics.linkgate_upstream_connections.set({ state }, count);
  }
  for (const [listener, counts] of Object.entries(gauges.connections?.() ?? {})) {
    for (const [protocol, count] of Object.entries(counts)) {
      metrics.linkgate_connections.set({ listener, protocol }, count);
    }
  }
  if (gauges.queuedRequests !== undefined) {
    metrics.linkgate_upstream_queued_requests.set(gauges.queuedRequests());
  }
  if (gauges.requestsInFlight !== undefined) {
    metrics.linkgate_requests_in_flight.set(gauges.requestsInFlight());
  }
};

/** Counts the work of one worker. */
export const createWorkerMetrics = (options: WorkerMetricsOptions): Metrics => {
  const { events } = options;
  const registry = new Registry();
  const metrics = buildMetrics('worker', registry);
  const own = countProcess({ events, process: 'worker', metrics: buildMetrics('both', registry) });
  const clicks = countClicks(metrics, options);
  const rejected = (code: ErrorCode): void => metrics.linkgate_rejected_total.inc({ reason: reasonOf(code) });
  const handshakes = metrics.linkgate_tls_handshakes_total;
  const failedHandshake = (result: string, count = 1): void =>
    handshakes.inc({ result, version: 'none', resumed: 'false' }, count);
  for (const result of HANDSHAKE_FAILURES) failedHandshake(result, 0);
  const { linkgate_upstream_queue_wait_seconds: waits, linkgate_tls_context_load_duration_seconds: loads } =
    metrics;
  const off = [
    events.on('request.completed', clicks.completed),
    events.on('request.refused', ({ code }) => rejected(code)),
    events.on('connection.refused', ({ reason }) => metrics.linkgate_rejected_total.inc({ reason })),
    events.on('upstream.failed', ({ code }) =>
      metrics.linkgate_upstream_errors_total.inc({ reason: reasonOf(code) }),
    ),
    events.on('upstream.resolved', ({ result }) => metrics.linkgate_upstream_lookups_total.inc({ result })),
    events.on('upstream.waited', ({ waitMs }) => waits.observe(0, seconds(waitMs))),
    events.on('handshake.completed', ({ version, resumed }) =>
      handshakes.inc({ result: 'ok', version, resumed: String(resumed) }),
    ),
    events.on('handshake.failed', ({ reason }) => failedHandshake(reason)),
    events.on('context.looked', ({ result }) => metrics.linkgate_tls_context_lookups_total.inc({ result })),
    events.on('context.loaded', ({ durationMs }) => loads.observe(0, seconds(durationMs))),
    events.on('context.evicted', () => metrics.linkgate_tls_context_evictions_total.inc()),
    events.on('worker.drained', ({ cut }) =>
      metrics.linkgate_worker_drains_total.inc({ result: cut === 0 ? 'finished' : 'cut' }),
    ),
    own.stop,
  ];
  return {
    snapshot: () => {
      showGauges(metrics, options);
      own.look();
      return takeSnapshot(registry);
    },
    setDomains: clicks.setDomains,
    stop: () => {
      for (const remove of off) remove();
    },
  };
};
