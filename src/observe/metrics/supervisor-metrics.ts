// Counts the events of the supervisor, and shows the state of certificates, CAs and trackers. It asks for that state at each snapshot;
// when that fails, the figures of the last time stay.

import { Registry } from 'prom-client';
import type { CertificateStatus, IssuerStatus, RenewalFigures } from '../../core/certificate-state.ts';
import type { Clock } from '../../core/platform/clock.ts';
import type { EventBus, Events } from '../../core/events.ts';
import { isNodeSupported } from '../../core/platform/node-floor.ts';
import { ACME_PROBLEMS, CERTIFICATE_STATES, OTHER, OWN_LIMIT, reasonOf } from './catalogue.ts';
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

/** The orders that a CA still allows. */
export interface OrdersLeft {
  readonly issuer: string;
  /** Infinity when its limits are not known */
  readonly left: number;
  readonly most: number;
}

/** What a snapshot asks the supervisor for; metrics without their function are not shown. */
export interface SupervisorGauges {
  /** the state of every name */
  readonly certificates: () => readonly CertificateStatus[] | Promise<readonly CertificateStatus[]>;
  readonly renewals?: () => RenewalFigures;
  readonly issuers?: () => readonly IssuerStatus[];
  readonly ordersLeft?: () => Promise<readonly OrdersLeft[]>;
  /** whether the last result of each tracker is good, by its id */
  readonly upstreams?: () => Readonly<Record<string, boolean>>;
  readonly isReady?: () => boolean;
}

export interface SupervisorMetricsOptions extends DomainLabels, SupervisorGauges {
  readonly events: Pick<EventBus, 'on'>;
  readonly version: string;
  readonly clock: Clock;
}

const URN = 'urn:ietf:params:acme:error:';

/** The label for the failure of an order: the problem type of the CA when it is a known one, else linkgate's own. */
const failureType = ({ code, problemType }: Events['order.completed']): string => {
  if (problemType?.startsWith(URN) === true) {
    const type = problemType.slice(URN.length);
    return ACME_PROBLEMS.includes(type) ? type : OTHER;
  }
  if (problemType === OWN_LIMIT) return OWN_LIMIT;
  return code?.startsWith('ERR_ACME_') === true || code === 'ERR_CERT_INVALID' ? reasonOf(code) : OTHER;
};

const showCertificates = (
  metrics: Built<'supervisor'>,
  statuses: readonly CertificateStatus[],
  labelled: ReadonlySet<string>,
): void => {
  const states = new Map<string, number>(CERTIFICATE_STATES.map((state) => [state, 0]));
  const notAfter = new Map<string, number>();
  let soonest = Infinity;
  for (const status of statuses) {
    states.set(status.state, (states.get(status.state) ?? 0) + 1);
    const ends = status.notAfter === null ? NaN : Date.parse(status.notAfter) / 1000;
    if (Number.isNaN(ends) || status.state === 'retired') continue;
    const label = labelled.has(status.domain) ? status.domain : OTHER;
    notAfter.set(label, Math.min(ends, notAfter.get(label) ?? Infinity));
    soonest = Math.min(ends, soonest);
  }
  for (const [state, count] of states) metrics.linkgate_certificates.set({ state }, count);
  metrics.linkgate_certificate_not_after_seconds.reset();
  for (const [domain, ends] of notAfter) metrics.linkgate_certificate_not_after_seconds.set({ domain }, ends);
  if (soonest === Infinity) metrics.linkgate_certificate_soonest_expiry_seconds.remove();
  else metrics.linkgate_certificate_soonest_expiry_seconds.set(soonest);
};

const showRenewals = (metrics: Built<'supervisor'>, figures: RenewalFigures): void => {
  const { windows, soonestWindowMs, soonestRenewalMs, latenessRatio, leastRemainingRatio } = figures;
  for (const [state, count] of Object.entries(windows)) metrics.linkgate_ari_windows.set({ state }, count);
  const show = (gauge: Built<'supervisor'>['linkgate_ready'], value: number | undefined): void => {
    if (value === undefined) gauge.remove();
    else gauge.set(value);
  };
  const inSeconds = (ms: number | undefined): number | undefined => (ms === undefined ? ms : ms / 1_000);
  show(metrics.linkgate_ari_soonest_start_seconds, inSeconds(soonestWindowMs));
  show(metrics.linkgate_certificate_soonest_renewal_seconds, inSeconds(soonestRenewalMs));
  show(metrics.linkgate_certificate_renewal_lateness_ratio, latenessRatio);
  show(metrics.linkgate_certificate_least_remaining_ratio, leastRemainingRatio);
};

const showIssuers = (metrics: Built<'supervisor'>, issuers: readonly IssuerStatus[]): void => {
  metrics.linkgate_issuer_healthy.reset();
  for (const { name: issuer, healthy } of issuers) {
    metrics.linkgate_issuer_healthy.set({ issuer }, healthy ? 1 : 0);
    for (const result of ['issued', 'failed']) metrics.linkgate_acme_orders_total.inc({ issuer, result }, 0);
  }
};

const showOrdersLeft = (metrics: Built<'supervisor'>, all: readonly OrdersLeft[]): void => {
  metrics.linkgate_acme_orders_left.reset();
  metrics.linkgate_acme_orders_limit.reset();
  for (const { issuer, left, most } of all) {
    metrics.linkgate_acme_orders_left.set({ issuer }, left);
    metrics.linkgate_acme_orders_limit.set({ issuer }, most);
  }
};

/** The time from a name in the configuration to its first certificate. A name that has one is never asked about. */
const createFirstIssues = (names: readonly string[], clock: Clock) => {
  const startedMs = clock.now();
  let before = names;
  const added = new Map<string, number>();
  return {
    setDomains: (next: readonly string[]): void => {
      const known = new Set(before);
      for (const name of next) if (!known.has(name)) added.set(name, clock.now());
      const wanted = new Set(next);
      for (const name of added.keys()) if (!wanted.has(name)) added.delete(name);
      before = next;
    },
    tookMs: (name: string): number => {
      const sinceMs = added.get(name) ?? startedMs;
      added.delete(name);
      return Math.max(0, clock.now() - sinceMs);
    },
  };
};

/** Counts the work of the supervisor, and shows the state of the certificates. */
export const createSupervisorMetrics = (options: SupervisorMetricsOptions): Metrics => {
  const { events, version, clock, domains, domainLabelLimit = DOMAIN_LABEL_LIMIT } = options;
  const { certificates, renewals, issuers, ordersLeft, upstreams, isReady } = options;
  const registry = new Registry();
  const metrics = buildMetrics('supervisor', registry);
  const own = countProcess({ events, process: 'supervisor', metrics: buildMetrics('both', registry) });
  let labelled = labelledNames(domains, [], domainLabelLimit);
  const workers = new Set<number>();
  const firstIssues = createFirstIssues(domains, clock);

  metrics.linkgate_build_info.set({ version, node: process.version }, 1);
  metrics.linkgate_runtime_supported.set(isNodeSupported(process.version) ? 1 : 0);
  metrics.linkgate_process_start_time_seconds.set(clock.now() / 1_000);
  showCertificates(metrics, [], labelled);

  const off = [
    events.on('order.completed', (event) => {
      const { issuer, result, durationMs } = event;
      metrics.linkgate_acme_orders_total.inc({ issuer, result });
      metrics.linkgate_acme_order_duration_seconds.observe(0, seconds(durationMs));
      if (result === 'failed') metrics.linkgate_acme_failures_total.inc({ issuer, type: failureType(event) });
    }),
    events.on('certificate.issued', ({ domain, isFirst }) => {
      if (isFirst !== true) return;
      metrics.linkgate_certificate_first_issue_seconds.observe(0, seconds(firstIssues.tookMs(domain)));
    }),
    events.on('settings.reloaded', ({ code }) =>
      metrics.linkgate_config_reloads_total.inc({ result: code === undefined ? 'ok' : 'failed' }),
    ),
    events.on('worker.started', ({ pid }) => metrics.linkgate_workers.set(workers.add(pid).size)),
    events.on('worker.exited', ({ pid, expected }) => {
      workers.delete(pid);
      metrics.linkgate_workers.set(workers.size);
      if (!expected) metrics.linkgate_worker_restarts_total.inc();
    }),
    own.stop,
  ];

  const look = async (): Promise<void> => {
    own.look();
    if (isReady !== undefined) metrics.linkgate_ready.set(isReady() ? 1 : 0);
    for (const [upstream, isGood] of Object.entries(upstreams?.() ?? {})) {
      metrics.linkgate_upstream_reachable.set({ upstream }, isGood ? 1 : 0);
    }
    if (issuers !== undefined) showIssuers(metrics, issuers());
    if (renewals !== undefined) showRenewals(metrics, renewals());
    // The storage reports its own failures; the snapshot has the last known figures.
    await Promise.allSettled([
      (async () => showCertificates(metrics, await certificates(), labelled))(),
      (async () => showOrdersLeft(metrics, (await ordersLeft?.()) ?? []))(),
    ]);
  };

  return {
    snapshot: async () => {
      await look();
      return takeSnapshot(registry);
    },
    setDomains: (names) => {
      labelled = labelledNames(names, labelled, domainLabelLimit);
      firstIssues.setDomains(names);
    },
    stop: () => {
      for (const remove of off) remove();
    },
  };
};
