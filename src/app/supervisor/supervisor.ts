// The supervisor put together: it opens the sockets and the storage, starts and watches the workers, keeps the certificates
// valid, and answers on the admin port. It never touches a click.

import { watchChanges } from '../../cert/state/changes.ts';
import { createRemovedDomains } from '../../cert/removed/removed-domains.ts';
import { createIssue } from '../../cert/renewal/issue.ts';
import { createIssuersHealth, issuerStatuses } from '../../cert/issuers/issuer-health.ts';
import { Renewal } from '../../cert/renewal/renewal-loop.ts';
import { createCertificateStore } from '../../cert/state/store.ts';
import { createAccess } from '../../admin/access.ts';
import { createPage } from '../../admin/page/page.ts';
import { createRecentEvents } from '../../admin/recent-events.ts';
import { AdminServer } from '../../admin/server.ts';
import { buildStatus, type ReloadStatus, type Status } from '../../admin/status.ts';
import { createTraffic } from '../../admin/traffic.ts';
import type { CertificateState } from '../../core/certificate-state.ts';
import { systemClock } from '../../core/platform/clock.ts';
import { LinkgateError, toLinkgateError } from '../../core/errors.ts';
import { createEventBus, type EventBus } from '../../core/events.ts';
import type { DomainSettings, ListenAddress, Settings } from '../../core/settings.ts';
import { createMetricsAggregate } from '../../observe/metrics/aggregate.ts';
import { createDaily } from '../../observe/metrics/daily.ts';
import { createSupervisorMetrics } from '../../observe/metrics/supervisor-metrics.ts';
import { logEvents } from '../../observe/logs/log-events.ts';
import { createLogger } from '../../observe/logs/logger.ts';
import { createFileStorage } from '../../storage/file.ts';
import { createTokenLook, readAdminAccess, requireGuard } from '../admin/admin-access.ts';
import { withTimes } from '../../storage/timed.ts';
import { trafficOf } from '../admin/ask-status.ts';
import { holdSocket, type HeldSocket } from './held-socket.ts';
import {
  createAskRenewalInfo,
  createIssuers,
  createIssuersClock,
  createIssuersPreflight,
  loadIssuers,
  ordersLeftOf,
} from '../issuers.ts';
import { logLevelOf } from '../log-level.ts';
import { choosePassedSocket, type PassedSocket } from './passed-sockets.ts';
import { compareDomains, compareSettings, type SettingsChange } from '../settings-change.ts';
import { refuseForeignStorage } from '../storage-owner.ts';
import { createWorkers } from './workers.ts';
import { isReachable } from '../../core/upstream-contact.ts';
import { packageVersion } from '../../core/platform/version.ts';

export interface SupervisorOptions {
  readonly settings: Settings;
  /** LINKGATE_LOG_LEVEL where it is set */
  readonly logLevel?: string;
  /** sockets opened by whoever started the program */
  readonly passed?: readonly PassedSocket[];
}

/** How a reload went. */
export type Reloaded = { readonly change: SettingsChange } | { readonly error: LinkgateError };

const namesOf = ({ domains }: Settings): readonly string[] => domains.map(({ name }) => name);

export interface Supervisor {
  readonly addresses: {
    readonly https: ListenAddress;
    readonly http: ListenAddress;
    readonly admin: ListenAddress;
  };
  readonly events: Pick<EventBus, 'on'>;
  /** every name has a certificate that can be served */
  isLive(): boolean;
  /** how each name stands, those that left included */
  states(): readonly CertificateState[];
  /**
   * Reads the settings anew and takes them up without closing a connection; what is wrong with them leaves the old ones in
   * place. One at a time; never rejects.
   */
  reload(load: () => Promise<Settings>): Promise<Reloaded>;
  /** opens the log file anew, in every process, after it was moved away */
  reopenLog(): void;
  /** new processes for all workers, one by one; resolves when the last old one is gone, never rejects */
  roll(): Promise<void>;
  /**
   * Lets requests in flight finish, for `timeoutMs` (`drainTimeout`) at most, and ends everything; workers whose sockets outlive them end by
   * themselves. Never rejects.
   */
  stop(timeoutMs?: number): Promise<void>;
  /** ends the workers at once; a `stop` under way then comes to its end */
  cut(): void;
}

/**
 * Starts everything, in the order in which a failure costs least: nothing is ordered before the sockets are open.
 * @throws LinkgateError `ERR_LISTEN_*`, `ERR_STORAGE_*`, or what the first worker failed with; nothing is left running
 */
export const startSupervisor = async ({
  settings,
  logLevel,
  passed = [],
}: SupervisorOptions): Promise<Supervisor> => {
  const clock = systemClock;
  const startedAtMs = clock.now();
  const version = packageVersion();
  let current = settings;
  const logger = createLogger({
    role: 'supervisor',
    level: logLevelOf(settings, logLevel),
    target: settings.log,
    onDropped: (lines) => bus.emit('log.dropped', { lines }),
  });
  const bus = createEventBus((name, error) =>
    logger.error('part.failed', { part: 'listener', of: name, error }, 'event listener failed'),
  );
  const stopLog = logEvents({ events: bus, logger, clock });
  const undo: (() => unknown)[] = [];
  const unwind = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) await step();
  };

  try {
    const { path } = settings.certificates.storage;
    await refuseForeignStorage(path);
    const onFault = ({ code, message }: LinkgateError): void => bus.emit('storage.failed', { code, message });
    const files = createFileStorage({ path, clock, onFault });
    await files.open();
    const storage = withTimes(files, bus.emit);
    const hold = (listener: 'https' | 'http' | 'admin'): HeldSocket => {
      const wanted = settings.listen[listener];
      const held = choosePassedSocket(listener, wanted, passed) ?? holdSocket(listener, wanted);
      undo.push(() => held.close());
      return held;
    };
    const sockets = { https: hold('https'), http: hold('http'), admin: hold('admin') };
    /** clicks wait in them for the next process: the old workers need not be waited for */
    const socketsOutlive = [sockets.https, sockets.http].every((socket) =>
      passed.some(({ handle }) => handle === socket.handle),
    );
    const traffic = createTraffic(clock);
    const recent = createRecentEvents(bus, clock);
    undo.push(() => recent.stop());
    const adminAccess = await readAdminAccess(settings.admin);
    requireGuard(sockets.admin.address, adminAccess);
    const access = createAccess(clock);
    access.setRules(adminAccess.rules);

    const store = createCertificateStore({ storage });
    const caClock = createIssuersClock(() => current.certificates, clock);
    const removed = createRemovedDomains({ storage, store, clock: caClock, emit: bus.emit });
    /** the configured names, and those that left and are still served */
    const servedWith = async (wanted: Settings): Promise<readonly DomainSettings[]> => {
      const retired = await removed.configure(wanted.domains);
      if (wanted.certificates.keepServing !== true) return wanted.domains;
      const reachable = new Set(wanted.upstreams.map(({ id }) => id));
      return [...wanted.domains, ...retired.filter(({ upstream }) => reachable.has(upstream))];
    };
    let served = await servedWith(settings);

    const workers = createWorkers({
      settings: { ...settings, domains: served },
      sockets: { https: sockets.https.handle, http: sockets.http.handle },
      ...(logLevel === undefined ? {} : { logLevel }),
      emit: bus.emit,
      clock,
      onStarted: (worker) => aggregate.workerStarted(worker),
      onExited: (worker) => {
        aggregate.workerExited(worker);
        traffic.workerExited(worker);
      },
      onMeasured: (worker, snapshot) => {
        aggregate.received(worker, snapshot);
        traffic.received(worker, snapshot);
      },
    });
    const health = createIssuersHealth({ storage, clock: caClock, emit: bus.emit });
    await health.load();
    const issuingWith = ({ certificates }: Settings) => {
      const issuers = createIssuers(certificates, storage, caClock);
      return {
        issue: createIssue({ storage, store, issuers, clock: caClock, emit: bus.emit, health }),
        renewalInfo: createAskRenewalInfo(issuers),
        look: createIssuersPreflight(certificates, storage),
        status: () => issuerStatuses(issuers, health),
        ordersLeft: () => ordersLeftOf(issuers),
      };
    };
    let issuing = issuingWith(settings);
    const renewal = new Renewal({
      names: namesOf(settings),
      store,
      issue: (name, signal) => issuing.issue(name, signal),
      renewalInfo: (certificate, signal) => issuing.renewalInfo(certificate, signal),
      look: async (name, signal) => issuing.look?.(name, signal),
      clock: caClock,
      random: Math.random,
      emit: bus.emit,
      onStored: (name) => workers.lookAgain(name),
    });
    const metrics = createSupervisorMetrics({
      events: bus,
      version,
      domains: namesOf(settings),
      clock,
      certificates: () => [...renewal.status(), ...removed.status()],
      renewals: () => renewal.figures(),
      issuers: () => issuing.status(),
      ordersLeft: () => issuing.ordersLeft(),
      upstreams: () =>
        Object.fromEntries(
          current.upstreams.map(({ id }) => [id, isReachable(workers.contacts(id)) ?? true]),
        ),
      isReady: () => isReady(),
    });
    const aggregate = createMetricsAggregate({
      supervisor: () => metrics.snapshot(),
      ask: (worker, signal) => workers.measure(worker, signal),
      clock,
    });

    const daily = createDaily({
      read: async () =>
        new Map([...trafficOf((await aggregate.page()).text)].map(([name, { kinds }]) => [name, kinds])),
      clock,
    });

    const takeUp = async (wanted: Settings): Promise<SettingsChange> => {
      const change = compareSettings(current, wanted);
      const next: Settings = { ...(change.common ?? current), domains: wanted.domains };
      // files may have changed where the settings that name them have not
      const { rules, tls } = await readAdminAccess(next.admin);
      requireGuard(sockets.admin.address, { rules, ...(tls === undefined ? {} : { tls }) });
      const before = served;
      served = await servedWith(next);
      current = next;
      access.setRules(rules);
      if (tls !== undefined) admin.setTls(tls);
      if (change.common !== undefined) {
        issuing = issuingWith(next);
        void loadIssuers(next.certificates);
        logger.setLevel(logLevelOf(next, logLevel));
        logger.setTarget(next.log);
      }
      // before anything is ordered: the CA asks the workers
      await workers.apply(
        { ...next, domains: served },
        { ...change, domains: compareDomains(before, served) },
      );
      metrics.setDomains(namesOf(next));
      renewal.configure(namesOf(next));
      return change;
    };

    /** removed names whose certificate has expired are served no more */
    const serveAnew = async (): Promise<void> => {
      const before = served;
      served = await servedWith(current);
      const domains = compareDomains(before, served);
      if (domains.set.length + domains.removed.length === 0) return;
      await workers.apply({ ...current, domains: served }, { domains, atRestart: [] });
    };

    let reloads = 0;
    let lastReload: ReloadStatus | null = null;
    const reload = async (load: () => Promise<Settings>): Promise<Reloaded> => {
      let outcome: Reloaded;
      try {
        outcome = { change: await takeUp(await load()) };
      } catch (error) {
        outcome = { error: toLinkgateError(error) };
      }
      const { domains } = current;
      const atRestart = 'change' in outcome ? outcome.change.atRestart : [];
      const problem = 'error' in outcome ? outcome.error.message : null;
      reloads += 1;
      lastReload = { number: reloads, at: new Date(clock.now()).toISOString(), problem, atRestart };
      bus.emit('settings.reloaded', {
        domains: domains.length,
        changed: 'change' in outcome ? outcome.change.domains.set.length : 0,
        removed: 'change' in outcome ? outcome.change.domains.removed.length : 0,
        atRestart,
        ...('error' in outcome ? { code: outcome.error.code, message: outcome.error.message } : {}),
      });
      return outcome;
    };
    let turn: Promise<unknown> = Promise.resolve();
    /** a reload and a roll one behind the other */
    const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
      const result = turn.then(work);
      turn = result.catch(() => undefined);
      return result;
    };

    let ready = false;
    // settings are loaded and somebody answers: a port that only queues is not ready
    const isReady = (): boolean => ready && workers.isReady();
    const status = async (): Promise<Status> =>
      buildStatus({
        version,
        startedAtMs,
        ready: isReady(),
        workers: workers.list(),
        upstreams: current.upstreams,
        upstreamHealthy: ({ id }) => isReachable(workers.contacts(id)),
        issuers: issuing.status(),
        domains: served,
        reload: lastReload,
        days: await daily.days().catch(() => new Map()),
        certificates: [...renewal.status(), ...removed.status()],
      });
    const page = createPage({ status, traffic, events: recent, clock });
    const admin = new AdminServer({
      socket: sockets.admin,
      access,
      lookForToken: createTokenLook(access, () => current.admin),
      ...(adminAccess.tls === undefined ? {} : { tls: adminAccess.tls }),
      metrics: (accept) => aggregate.page(accept),
      ready: isReady,
      status,
      pages: page.pages,
      streams: page.streams,
      onError: (error) => bus.emit('part.failed', { part: 'admin', error }),
    });
    await admin.start();
    undo.push(() => admin.stop());
    // a page that listens would hold the server up
    undo.push(() => page.stop());
    undo.push(() => workers.kill());
    await workers.start();
    renewal.start();
    void loadIssuers(settings.certificates);
    const unwatched = new AbortController();
    undo.push(() => unwatched.abort());
    const onChange = (name: string): void => {
      renewal.reread(name);
      workers.lookAgain(name);
      void removed.heard(name);
    };
    void removed.keep(unwatched.signal, () => void inTurn(serveAnew));
    void daily.keep(unwatched.signal);
    void traffic.keep(unwatched.signal);
    void watchChanges({ storage, clock, emit: bus.emit, onChange }, unwatched.signal);
    ready = true;
    const addresses = {
      https: sockets.https.address,
      http: sockets.http.address,
      admin: sockets.admin.address,
    };
    for (const [listener, address] of Object.entries(addresses)) {
      bus.emit('listener.opened', { listener: listener as keyof typeof addresses, ...address });
    }
    bus.emit('program.started', { version, node: process.version, domains: settings.domains.length });

    return {
      addresses,
      events: bus,
      isLive: () => renewal.status().every(({ state }) => state === 'live'),
      states: () => [...renewal.status(), ...removed.status()].map(({ state }) => state),
      reload: (load) => inTurn(() => reload(load)),
      reopenLog: () => {
        logger.reopen();
        workers.reopenLog();
      },
      roll: () =>
        inTurn(async () => {
          await workers.roll().catch((error: unknown) => {
            bus.emit('part.failed', { part: 'workers', error });
          });
        }),
      stop: async (timeoutMs = current.drainMs) => {
        ready = false;
        bus.emit('program.stopping', { timeoutMs });
        const workersEnd = socketsOutlive ? workers.leave() : workers.stop(timeoutMs);
        const stopping = Promise.all([workersEnd, renewal.stop()]);
        // a click that comes now must be refused at once, not queued for workers that will not come back; where the sockets
        // are systemd's, it waits for the next process
        sockets.https.close();
        sockets.http.close();
        await stopping;
        await unwind();
        bus.emit('program.stopped', {});
        stopLog();
        logger.flush();
      },
      cut: () => workers.kill(),
    };
  } catch (error) {
    await unwind();
    stopLog();
    logger.flush();
    throw error;
  }
};
