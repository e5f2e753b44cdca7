// What serves clicks in a worker: the two listeners of serve/ with the ports of the certificate path, their counts, and the log. It
// applies new settings without closing a connection; worker.ts decides when it starts and ends.

import type { Server } from 'node:net';
import { systemClock } from '../../core/platform/clock.ts';
import { withTimeout } from '../../core/platform/deadline.ts';
import type { Emit, Listener } from '../../core/events.ts';
import type { DomainSettings } from '../../core/settings.ts';
import { logClicks } from '../../observe/logs/access-log.ts';
import type { Metrics } from '../../observe/metrics/metrics.ts';
import { createWorkerMetrics } from '../../observe/metrics/worker-metrics.ts';
import type { Traces } from '../../observe/traces/traces.ts';
import {
  createListeners,
  type DrainTime,
  type Listeners,
  type RequestSettings,
} from '../../serve/listeners.ts';
import { createFileStorage } from '../../storage/file.ts';
import { withTimes } from '../../storage/timed.ts';
import type { FromWorker, ToWorker } from '../messages.ts';
import { startProcessLog, type ProcessLog } from '../process-log.ts';
import type { CommonSettings, SettingsChange } from '../settings-change.ts';
import { createCertificatePorts, usesTlsChallenge, type CertificatePorts } from './certificate-ports.ts';
import { startTracing } from './tracing.ts';

/** how long the last spans may take at the end; a second after its drain time a worker is killed */
const LAST_TRACES_MS = 500;

export class ClickServer {
  readonly #log: ProcessLog;
  readonly #tracing: Promise<Traces | undefined>;
  readonly #domains: Map<string, DomainSettings>;
  readonly #ports: CertificatePorts;
  readonly #metrics: Metrics;
  readonly #listeners: Listeners;
  #settings: CommonSettings;
  #stopClicks: () => void;

  /** @throws whatever createListeners throws */
  constructor({ settings, logLevel, ticketKeys }: ToWorker & { type: 'start' }) {
    const clock = systemClock;
    this.#settings = settings;
    this.#domains = new Map(settings.domains.map((domain) => [domain.name, domain]));
    this.#log = startProcessLog({ role: 'worker', settings, logLevel, clock });
    const { bus } = this.#log;
    this.#stopClicks = this.#logClicks(settings);
    this.#tracing = startTracing({ env: process.env, events: bus, emit: bus.emit, clock });
    this.#ports = createCertificatePorts({
      storage: withTimes(createFileStorage({ path: settings.certificates.storage.path, clock }), bus.emit),
      clock,
      emit: bus.emit,
      isServed: (name) => this.#domains.has(name),
      settings: () => this.#settings,
    });
    const { contexts, handshake, answerChallenge } = this.#ports;
    this.#metrics = createWorkerMetrics({
      events: bus,
      domains: [...this.#domains.keys()],
      tlsContexts: () => ({ cached: contexts.size, loading: contexts.loading }),
      upstreamConnections: () => this.#listeners.upstreamConnections(),
      queuedRequests: () => this.#listeners.queuedRequests(),
      requestsInFlight: () => this.#listeners.requestsInFlight(),
      connections: () => this.#listeners.connectionCounts(),
    });
    this.#listeners = createListeners({
      findDomain: (name) => this.#domains.get(name),
      handshake,
      answerChallenge,
      emit: bus.emit,
      ticketKeys,
      settings: this.#requestSettings(settings),
    });
  }

  get emit(): Emit {
    return this.#log.bus.emit;
  }

  /** `drainTimeout` as it is in force */
  get drainMs(): number {
    return this.#settings.drainMs;
  }

  /** the server of one listener; give it a socket with `.listen(…)` */
  server(listener: Listener): Server {
    return this.#listeners[listener];
  }

  /** @throws whatever createListeners throws; the old settings of the listeners then stay */
  apply({ common, domains: { set, removed } }: SettingsChange): void {
    if (common !== undefined) {
      this.#settings = common;
      // before the names: one of them may go to an upstream that is new
      this.#listeners.apply(this.#requestSettings(common));
      this.#stopClicks();
      this.#stopClicks = this.#logClicks(common);
      this.#log.configure(common);
    }
    for (const domain of set) this.#domains.set(domain.name, domain);
    for (const name of removed) this.#domains.delete(name);
    if (set.length > 0) this.#metrics.setDomains([...this.#domains.keys()]);
  }

  /** Reads the certificate of a name again. Never rejects. */
  refresh(domain: string): Promise<void> {
    return this.#ports.contexts.refresh(domain);
  }

  /** what was counted so far */
  async measure(): Promise<Pick<FromWorker & { type: 'measured' }, 'snapshot' | 'contacts'>> {
    return { snapshot: await this.#metrics.snapshot(), contacts: this.#listeners.contacts() };
  }

  /** The keys of session tickets from now on; older tickets lead to a full handshake. */
  setTicketKeys(ticketKeys: Buffer): void {
    this.#listeners.setTicketKeys(ticketKeys);
  }

  reopenLog(): void {
    this.#log.logger.reopen();
  }

  flushLog(): void {
    this.#log.logger.flush();
  }

  /** Lets requests in flight finish, and cuts what is left when the time is over. */
  async drain(time: DrainTime): Promise<void> {
    this.emit('worker.drained', { cut: await this.#listeners.drain(time) });
  }

  /** Sends the last spans, where requests are traced. */
  async endTraces(): Promise<void> {
    const end = this.#tracing.then((traces) => traces?.stop());
    await withTimeout(end, { clock: systemClock, limitMs: LAST_TRACES_MS, late: () => undefined });
  }

  #logClicks({ log }: CommonSettings): () => void {
    const { bus, logger } = this.#log;
    return logClicks({ events: bus, logger, clock: systemClock, log });
  }

  #requestSettings(common: CommonSettings): RequestSettings {
    const { answerTlsChallenge } = this.#ports;
    return {
      upstreams: common.upstreams,
      upstreamUse: common.upstreamUse,
      // asked for on each full handshake of TLS 1.2, so only where a CA may come
      ...(usesTlsChallenge(common) ? { answerTlsChallenge } : {}),
      trustedProxies: common.trustedProxies,
      proxyProtocol: {
        https: common.listen.https.proxyProtocol ?? [],
        http: common.listen.http.proxyProtocol ?? [],
      },
      ...(common.tlsProfile === undefined ? {} : { tlsProfile: common.tlsProfile }),
      ...(common.limits === undefined ? {} : { limits: common.limits }),
    };
  }
}
