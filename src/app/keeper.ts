// The keeper put together: it opens the sockets and the storage, starts and watches the gates, keeps the certificates
// valid, and answers on the admin port. It never touches a click.

import { watchChanges } from '../cert/changes.ts';
import { createDeparted } from '../cert/departed.ts';
import { createIssue } from '../cert/issue.ts';
import { createIssuersHealth, issuerStatuses } from '../cert/issuers/issuer-health.ts';
import { Renewal } from '../cert/renew.ts';
import { createCertificateStore } from '../cert/store.ts';
import { AdminServer } from '../admin/server.ts';
import { buildStatus } from '../admin/status.ts';
import { systemClock } from '../core/clock.ts';
import { createEventBus, type EventBus } from '../core/events.ts';
import type { DomainSettings, ListenAddress, Settings } from '../core/settings.ts';
import { createMetricsAggregate } from '../observe/aggregate.ts';
import { createLogger, logEvents } from '../observe/log.ts';
import { createKeeperMetrics } from '../observe/metrics.ts';
import { createFileStorage } from '../storage/file.ts';
import { holdSocket, type HeldSocket } from './held-socket.ts';
import { createAskRenewalInfo, createIssuers, createIssuersClock, createIssuersLook } from './issuers.ts';
import { createGates } from './supervise.ts';
import { packageVersion } from '../core/version.ts';

/** How long requests in flight get when the proxy stops. */
export const DRAIN_MS = 20_000;

export interface KeeperOptions {
  readonly settings: Settings;
  readonly logLevel: string;
}

export interface Keeper {
  readonly addresses: {
    readonly https: ListenAddress;
    readonly http: ListenAddress;
    readonly admin: ListenAddress;
  };
  readonly events: Pick<EventBus, 'on'>;
  /** every name has a certificate that can be served */
  isLive(): boolean;
  /** lets requests in flight finish, for `timeoutMs` at most, and ends everything. Never rejects. */
  stop(timeoutMs: number): Promise<void>;
  /** ends the gates at once; a `stop` under way then comes to its end */
  cut(): void;
}

/**
 * Starts everything, in the order in which a failure costs least: nothing is ordered before the sockets are open.
 * @throws GateError `ERR_LISTEN_*`, `ERR_STORAGE_UNAVAILABLE`, or what the first gate failed with; nothing is left running
 */
export const startKeeper = async ({ settings, logLevel }: KeeperOptions): Promise<Keeper> => {
  const clock = systemClock;
  const startedAtMs = clock.now();
  const version = packageVersion();
  const { domains, upstreams, certificates } = settings;
  const names = domains.map(({ name }) => name);
  const logger = createLogger({ role: 'keeper', level: logLevel });
  const bus = createEventBus((name, error) => logger.error({ error, event: name }, 'event listener failed'));
  const stopLog = logEvents({ events: bus, logger, clock });
  const undo: (() => unknown)[] = [];
  const unwind = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) await step();
  };

  try {
    const storage = createFileStorage({ path: certificates.storage.path, clock });
    await storage.open();
    const hold = (listener: 'https' | 'http'): HeldSocket => {
      const held = holdSocket(listener, settings.listen[listener]);
      undo.push(() => held.close());
      return held;
    };
    const sockets = { https: hold('https'), http: hold('http') };

    const store = createCertificateStore({ storage });
    const departed = createDeparted({ storage, store, clock, emit: bus.emit, domains });
    const retired = await departed.start();
    const isReachable = ({ upstream }: DomainSettings): boolean =>
      upstreams.some(({ id }) => id === upstream);
    const kept = certificates.keepServing === true ? retired.filter(isReachable) : [];

    const gates = createGates({
      settings: { ...settings, domains: [...domains, ...kept] },
      sockets: { https: sockets.https.handle, http: sockets.http.handle },
      logLevel,
      emit: bus.emit,
      clock,
      onStarted: (gate) => aggregate.gateStarted(gate),
      onExited: (gate) => aggregate.gateExited(gate),
      onMeasured: (gate, snapshot) => aggregate.received(gate, snapshot),
    });
    const caClock = createIssuersClock(certificates, clock);
    const issuers = createIssuers(certificates, storage, caClock);
    const look = createIssuersLook(certificates, storage);
    const health = createIssuersHealth({ storage, clock: caClock, emit: bus.emit });
    await health.load();
    const renewal = new Renewal({
      names,
      store,
      issue: createIssue({ storage, store, issuers, clock: caClock, emit: bus.emit, health }),
      renewalInfo: createAskRenewalInfo(issuers),
      ...(look === undefined ? {} : { look }),
      clock: caClock,
      random: Math.random,
      emit: bus.emit,
      onStored: (name) => gates.lookAgain(name),
    });
    const metrics = createKeeperMetrics({
      events: bus,
      version,
      domains: names,
      certificates: () => [...renewal.status(), ...departed.status()],
    });
    const aggregate = createMetricsAggregate({
      keeper: () => metrics.snapshot(),
      ask: (gate, signal) => gates.measure(gate, signal),
      clock,
    });

    let ready = false;
    // settings are loaded and somebody answers: a port that only queues is not ready
    const isReady = (): boolean => ready && gates.isReady();
    const admin = new AdminServer({
      listen: settings.listen.admin,
      metrics: () => aggregate.text(),
      ready: isReady,
      status: async () =>
        buildStatus({
          version,
          startedAtMs,
          ready: isReady(),
          workers: gates.list(),
          upstreams,
          upstreamHealthy: (): boolean | undefined => undefined,
          issuers: issuerStatuses(issuers, health),
          domains: [...domains, ...kept],
          certificates: [...renewal.status(), ...departed.status()],
        }),
      onError: (error) => logger.error({ error }, 'admin request failed'),
    });
    const adminAddress = await admin.start();
    undo.push(() => admin.stop());
    undo.push(() => gates.kill());
    await gates.start();
    renewal.start();
    const unwatched = new AbortController();
    undo.push(() => unwatched.abort());
    const onChange = (name: string): void => {
      renewal.reread(name);
      gates.lookAgain(name);
    };
    void departed.keep(unwatched.signal);
    void watchChanges({ storage, clock, emit: bus.emit, onChange }, unwatched.signal);
    ready = true;
    const addresses = { https: sockets.https.address, http: sockets.http.address, admin: adminAddress };
    for (const [listener, address] of Object.entries(addresses)) {
      bus.emit('listener.opened', { listener: listener as keyof typeof addresses, ...address });
    }
    logger.info({ version, node: process.version, domains: domains.length }, 'linkgate runs');

    return {
      addresses,
      events: bus,
      isLive: () => renewal.status().every(({ state }) => state === 'live'),
      stop: async (timeoutMs) => {
        ready = false;
        logger.info({ timeoutMs }, 'linkgate stops: requests in flight are finished');
        const stopping = Promise.all([gates.stop(timeoutMs), renewal.stop()]);
        // a click that comes now must be refused at once, not queued for gates that will not come back
        for (const held of Object.values(sockets)) held.close();
        await stopping;
        await unwind();
        logger.info({}, 'linkgate stopped');
        stopLog();
        logger.flush();
      },
      cut: () => gates.kill(),
    };
  } catch (error) {
    await unwind();
    stopLog();
    logger.flush();
    throw error;
  }
};
