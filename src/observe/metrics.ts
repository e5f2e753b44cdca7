// Hears the events of one process and counts them. A gate counts clicks, the keeper counts orders and certificates;
// aggregate.ts brings both together. The corridors know nothing of this file.

import { Counter, Gauge, Registry, type Metric } from 'prom-client';
import type { CertificateStatus } from '../core/certificate-state.ts';
import { ERRORS } from '../core/errors.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { EventBus, Events } from '../core/events.ts';
import { CATALOGUE, LABEL_VALUES } from './catalogue.ts';
import type { Catalogue, MetricName, Side } from './catalogue.ts';
import { clickKind } from './clicks.ts';
import { createDurations, type Durations } from './durations.ts';

/** How many names have a `domain` label of their own unless told otherwise. */
export const DOMAIN_LABEL_LIMIT = 1000;

/** The label of every name past the limit. */
export const OTHER_DOMAINS = '_other';

/** What one process has counted: plain data, made to be sent to the keeper as a message. */
export type MetricsSnapshot = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

export interface Metrics {
  snapshot(): Promise<MetricsSnapshot>;
  /** the names after a reload: one that had a label of its own keeps it, new ones get one as long as there is room */
  setDomains(names: readonly string[]): void;
  /** hears no event any more */
  stop(): void;
}

interface DomainLabels {
  /** the configured names; the first `domainLabelLimit` of them have a label of their own, the same in every gate */
  readonly domains: readonly string[];
  readonly domainLabelLimit?: number;
}

interface Kinds {
  readonly counter: Counter;
  readonly gauge: Gauge;
  readonly histogram: Durations;
}

type Built<S extends Side> = {
  readonly [K in MetricName as Catalogue[K]['side'] extends S ? K : never]: Kinds[Catalogue[K]['type']];
};

const build = <S extends Side>(side: S, registry: Registry): Built<S> => {
  const built = Object.entries(CATALOGUE)
    .filter(([, entry]) => entry.side === side)
    .map(([name, entry]) => {
      const options = { name, help: entry.help, labelNames: entry.labels, registers: [registry] };
      if (entry.type === 'counter') return [name, new Counter(options)];
      if (entry.type === 'gauge') return [name, new Gauge(options)];
      const { help, buckets } = entry;
      const label = 'kind' === entry.labels[0] ? { name: 'kind', values: LABEL_VALUES.kind } : undefined;
      const durations = createDurations({ name, help, buckets, ...(label === undefined ? {} : { label }) });
      // a registry asks a metric for its name and for `get` alone
      registry.registerMetric(durations as unknown as Metric);
      return [name, durations];
    });
  return Object.fromEntries(built) as Built<S>;
};

/**
 * Seconds as a multiple of 2^-20. Such numbers add up exactly in any order: a sum that came out one bit smaller
 * after a gate's death would look to Prometheus like a restart from zero.
 */
const seconds = (ms: number): number => Math.round(ms * 1048.576) / 1_048_576;

/** `ERR_UPSTREAM_TLS` → `tls` */
const reason = (code: ErrorCode): string =>
  code
    .replace(/^ERR_[A-Z]+_/, '')
    .toLowerCase()
    .replaceAll('_', '-');

const codesOf = (area: string): ErrorCode[] =>
  (Object.keys(ERRORS) as ErrorCode[]).filter((code) => code.startsWith(`ERR_${area}_`));

/**
 * The names with a label of their own: the ones that have it, then the first of the others, up to the limit. A name that left
 * keeps its label, because its counts go on standing under it.
 */
const labelledNames = (names: readonly string[], before: Iterable<string>, limit: number): Set<string> => {
  const labelled = new Set(before);
  for (const name of names) {
    if (labelled.size >= limit) break;
    labelled.add(name);
  }
  return labelled;
};

const CLASSES = LABEL_VALUES.code.length;

/** Index of the status's class in LABEL_VALUES.code. */
const statusClass = (status: number): number =>
  status >= 200 && status < 600 ? Math.floor(status / 100) - 2 : CLASSES - 1;

export interface GateMetricsOptions extends DomainLabels {
  readonly events: Pick<EventBus, 'on'>;
  /** TLS contexts in memory by state (`cached`, `loading` …), asked at each snapshot */
  readonly tlsContexts?: () => Readonly<Record<string, number>>;
  /** connections to the trackers by state, asked at each snapshot */
  readonly upstreamConnections?: () => Readonly<Record<string, number>>;
}

/** Counts what one gate does. */
export const createGateMetrics = (options: GateMetricsOptions): Metrics => {
  const {
    events,
    domains,
    domainLabelLimit = DOMAIN_LABEL_LIMIT,
    tlsContexts,
    upstreamConnections,
  } = options;
  const registry = new Registry();
  const metrics = build('gate', registry);
  for (const code of codesOf('UPSTREAM'))
    metrics.linkgate_upstream_errors_total.inc({ reason: reason(code) }, 0);
  for (const code of codesOf('REQUEST')) metrics.linkgate_rejected_total.inc({ reason: reason(code) }, 0);

  // One child per (domain, kind, class), found by two indexes: prom-client's own way hashes the labels on each click.
  type Cells = { readonly label: string; readonly children: ({ inc(): void } | undefined)[] };
  const cells = new Map<string, Cells>();
  const setDomains = (names: readonly string[]): void => {
    for (const label of labelledNames(names, cells.keys(), domainLabelLimit)) {
      if (!cells.has(label)) cells.set(label, { label, children: [] });
    }
  };
  setDomains(domains);
  const others: Cells = { label: OTHER_DOMAINS, children: [] };
  const { linkgate_request_duration_seconds: requests, linkgate_upstream_duration_seconds: upstream } =
    metrics;

  const completed = (event: Events['request.completed']): void => {
    const kind = LABEL_VALUES.kind.indexOf(clickKind(event.target));
    const status = statusClass(event.status);
    const { label, children } = cells.get(event.domain) ?? others;
    const index = kind * CLASSES + status;
    children[index] ??= metrics.linkgate_clicks_total.labels({
      domain: label,
      kind: LABEL_VALUES.kind[kind] ?? 'other',
      code: LABEL_VALUES.code[status] ?? '5xx',
    });
    children[index].inc();
    requests.observe(kind, seconds(event.durationMs));
    if (event.upstreamMs !== undefined) upstream.observe(0, seconds(event.upstreamMs));
  };

  const handshakes = metrics.linkgate_tls_handshakes_total;
  const off = [
    events.on('request.completed', completed),
    events.on('request.refused', ({ code }) => metrics.linkgate_rejected_total.inc({ reason: reason(code) })),
    events.on('connection.refused', ({ reason }) => metrics.linkgate_rejected_total.inc({ reason })),
    events.on('upstream.failed', ({ code }) =>
      metrics.linkgate_upstream_errors_total.inc({ reason: reason(code) }),
    ),
    events.on('upstream.resolved', ({ result }) => metrics.linkgate_upstream_lookups_total.inc({ result })),
    events.on('handshake.completed', ({ version, resumed }) =>
      handshakes.inc({ result: 'ok', version, resumed: String(resumed) }),
    ),
    events.on('handshake.failed', ({ reason }) =>
      handshakes.inc({ result: reason, version: 'none', resumed: 'false' }),
    ),
    events.on('context.looked', ({ result }) => metrics.linkgate_tls_context_lookups_total.inc({ result })),
  ];

  return {
    snapshot: async () => {
      for (const [state, count] of Object.entries(tlsContexts?.() ?? {})) {
        metrics.linkgate_tls_contexts.set({ state }, count);
      }
      for (const [state, count] of Object.entries(upstreamConnections?.() ?? {})) {
        metrics.linkgate_upstream_connections.set({ state }, count);
      }
      return structuredClone(await registry.getMetricsAsJSON());
    },
    setDomains,
    stop: () => {
      for (const remove of off) remove();
    },
  };
};

export interface KeeperMetricsOptions extends DomainLabels {
  readonly events: Pick<EventBus, 'on'>;
  readonly version: string;
  /** how every name stands, asked at each snapshot; when it fails the figures of the last time stay */
  readonly certificates: () => readonly CertificateStatus[] | Promise<readonly CertificateStatus[]>;
}

/** Counts what the keeper does and shows how the certificates stand. */
export const createKeeperMetrics = (options: KeeperMetricsOptions): Metrics => {
  const { events, version, certificates, domains, domainLabelLimit = DOMAIN_LABEL_LIMIT } = options;
  const registry = new Registry();
  const metrics = build('keeper', registry);
  let labelled = labelledNames(domains, [], domainLabelLimit);
  const gates = new Set<number>();

  metrics.linkgate_build_info.set({ version, node: process.version }, 1);
  for (const result of ['ok', 'failed']) metrics.linkgate_config_reloads_total.inc({ result }, 0);

  const showCertificates = (statuses: readonly CertificateStatus[]): void => {
    const states = new Map<string, number>(LABEL_VALUES.state.map((state) => [state, 0]));
    const notAfter = new Map<string, number>();
    let soonest = Infinity;
    for (const status of statuses) {
      states.set(status.state, (states.get(status.state) ?? 0) + 1);
      const ends = status.notAfter === null ? NaN : Date.parse(status.notAfter) / 1000;
      if (Number.isNaN(ends) || status.state === 'retired') continue;
      const label = labelled.has(status.domain) ? status.domain : OTHER_DOMAINS;
      notAfter.set(label, Math.min(ends, notAfter.get(label) ?? Infinity));
      soonest = Math.min(ends, soonest);
    }
    for (const [state, count] of states) metrics.linkgate_certificates.set({ state }, count);
    metrics.linkgate_certificate_not_after_seconds.reset();
    for (const [domain, ends] of notAfter)
      metrics.linkgate_certificate_not_after_seconds.set({ domain }, ends);
    if (soonest === Infinity) metrics.linkgate_certificate_soonest_expiry_seconds.remove();
    else metrics.linkgate_certificate_soonest_expiry_seconds.set(soonest);
  };

  const off = [
    events.on('order.completed', ({ issuer, result, durationMs }) => {
      metrics.linkgate_acme_orders_total.inc({ issuer, result });
      metrics.linkgate_acme_order_duration_seconds.observe(0, seconds(durationMs));
    }),
    events.on('settings.reloaded', ({ code }) =>
      metrics.linkgate_config_reloads_total.inc({ result: code === undefined ? 'ok' : 'failed' }),
    ),
    events.on('gate.started', ({ pid }) => metrics.linkgate_workers.set(gates.add(pid).size)),
    events.on('gate.exited', ({ pid, expected }) => {
      gates.delete(pid);
      metrics.linkgate_workers.set(gates.size);
      if (!expected) metrics.linkgate_gate_restarts_total.inc();
    }),
  ];
  showCertificates([]);

  return {
    snapshot: async () => {
      try {
        showCertificates(await certificates());
      } catch {
        // the storage tells of its own failures; a scrape goes on with what was known
      }
      return structuredClone(await registry.getMetricsAsJSON());
    },
    setDomains: (names) => {
      labelled = labelledNames(names, labelled, domainLabelLimit);
    },
    stop: () => {
      for (const remove of off) remove();
    },
  };
};
