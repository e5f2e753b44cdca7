// What the supervisor and its workers count: the page of /metrics, the counts of each day, and the traffic that the page draws. Asks
// workers for nothing but their counts.

import { createTraffic, type Traffic } from '../../admin/traffic.ts';
import type { DayCount } from '../../core/day-count.ts';
import type { EventBus } from '../../core/events.ts';
import type { Clock } from '../../core/platform/clock.ts';
import type { DomainSettings } from '../../core/settings.ts';
import {
  createMetricsAggregate,
  type MetricsAggregate,
  type MetricsPage,
} from '../../observe/metrics/aggregate.ts';
import { createDaily, type Daily } from '../../observe/metrics/daily.ts';
import type { Metrics } from '../../observe/metrics/metrics.ts';
import { createSupervisorMetrics, type SupervisorGauges } from '../../observe/metrics/supervisor-metrics.ts';
import { trafficOf } from '../admin/ask-status.ts';

export interface MeasurementsOptions extends SupervisorGauges {
  readonly events: Pick<EventBus, 'on'>;
  readonly version: string;
  readonly clock: Clock;
  readonly domains: readonly DomainSettings[];
  /** asks one worker for its counts; rejects when `signal` aborts first */
  readonly measure: (worker: number, signal: AbortSignal) => Promise<unknown>;
}

const namesOf = (domains: readonly DomainSettings[]): readonly string[] => domains.map(({ name }) => name);

export class Measurements {
  readonly traffic: Traffic;
  readonly #metrics: Metrics;
  readonly #aggregate: MetricsAggregate;
  readonly #daily: Daily;

  constructor({ measure, domains, ...options }: MeasurementsOptions) {
    const { clock } = options;
    this.traffic = createTraffic(clock);
    this.#metrics = createSupervisorMetrics({ ...options, domains: namesOf(domains) });
    this.#aggregate = createMetricsAggregate({
      supervisor: () => this.#metrics.snapshot(),
      ask: measure,
      clock,
    });
    this.#daily = createDaily({
      read: async () =>
        new Map([...trafficOf((await this.page()).text)].map(([name, { kinds }]) => [name, kinds])),
      clock,
    });
  }

  /** Closes each day and draws the traffic until `signal` aborts; returns at once. */
  start(signal: AbortSignal): void {
    void this.#daily.keep(signal);
    void this.traffic.keep(signal);
  }

  setDomains(domains: readonly DomainSettings[]): void {
    this.#metrics.setDomains(namesOf(domains));
  }

  workerStarted(worker: number): void {
    this.#aggregate.workerStarted(worker);
  }

  workerExited(worker: number): void {
    this.#aggregate.workerExited(worker);
    this.traffic.workerExited(worker);
  }

  /** A worker sent by itself what it has counted. */
  received(worker: number, snapshot: unknown): void {
    this.#aggregate.received(worker, snapshot);
    this.traffic.received(worker, snapshot);
  }

  /** @param accept - the Accept field of the scraper */
  page(accept?: string): Promise<MetricsPage> {
    return this.#aggregate.page(accept);
  }

  /** What each name served by day; empty when it cannot be found out. Never rejects. */
  days(): Promise<ReadonlyMap<string, readonly DayCount[]>> {
    return this.#daily.days().catch(() => new Map());
  }
}
