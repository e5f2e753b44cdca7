// The keeper put together: it opens the sockets and the storage, starts and watches the gates, keeps the certificates
// valid, and answers on the admin port. It never touches a click.

import { watchChanges } from '../cert/changes.ts';
import { createDeparted } from '../cert/departed.ts';
import { createIssue } from '../cert/issue.ts';
import { createIssuersHealth, issuerStatuses } from '../cert/issuers/issuer-health.ts';
import { Renewal } from '../cert/renew.ts';
import { createCertificateStore } from '../cert/store.ts';
import { createAccess } from '../admin/access.ts';
import { createPage } from '../admin/page/page.ts';
import { createRecentEvents } from '../admin/recent-events.ts';
import { AdminServer } from '../admin/server.ts';
import { buildStatus, type ReloadStatus, type Status } from '../admin/status.ts';
import { createTraffic } from '../admin/traffic.ts';
import type { CertificateState } from '../core/certificate-state.ts';
import { systemClock } from '../core/clock.ts';
import { GateError, toGateError } from '../core/errors.ts';
import { createEventBus, type EventBus } from '../core/events.ts';
import type { DomainSettings, ListenAddress, Settings } from '../core/settings.ts';
import { createMetricsAggregate } from '../observe/aggregate.ts';
import { createDaily } from '../observe/daily.ts';
import { createKeeperMetrics } from '../observe/keeper-metrics.ts';
import { logEvents } from '../observe/log.ts';
import { createLogger } from '../observe/logger.ts';
import { createFileStorage } from '../storage/file.ts';
import { createTokenLook, readAdminAccess, requireGuard } from './admin-access.ts';
import { withTimes } from '../storage/timed.ts';
import { trafficOf } from './ask-status.ts';
import { holdSocket, type HeldSocket } from './held-socket.ts';
import {
  createAskRenewalInfo,
  createIssuers,
  createIssuersClock,
  createIssuersLook,
  loadIssuers,
  ordersLeftOf,
} from './issuers.ts';
import { logLevelOf } from './log-level.ts';
import { choosePassedSocket, type PassedSocket } from './passed-sockets.ts';
import { compareDomains, compareSettings, type SettingsChange } from './settings-change.ts';
import { createGates } from './supervise.ts';
import { isReachable } from '../core/upstream-contact.ts';
import { packageVersion } from '../core/version.ts';

export interface KeeperOptions {
  readonly settings: Settings;
  /** LINKGATE_LOG_LEVEL where it is set */
  readonly logLevel?: string;
  /** sockets opened by whoever started the program */
  readonly passed?: readonly PassedSocket[];
}

/** How a reload went. */
export type Reloaded = { readonly change: SettingsChange } | { readonly error: GateError };

const namesOf = ({ domains }: Settings): readonly string[] => domains.map(({ name }) => name);

export interface Keeper {
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
  /** new processes for all gates, one by one; resolves when the last old one is gone, never rejects */
  roll(): Promise<void>;
  /**
   * Lets requests in flight finish, for `timeoutMs` (`drainTimeout`) at most, and ends everything; gates whose sockets outlive them end by
   * themselves. Never rejects.
   */
  stop(timeoutMs?: number): Promise<void>;
  /** ends the gates at once; a `stop` under way then comes to its end */
  cut(): void;
}

/**
 * Starts everything, in the order in which a failure costs least: nothing is ordered before the sockets are open.
 * @throws GateError `ERR_LISTEN_*`, `ERR_STORAGE_UNAVAILABLE`, or what the first gate failed with; nothing is left running
 */
export const startKeeper = async ({ settings, logLevel, passed = [] }: KeeperOptions): Promise<Keeper> => {
  const clock = systemClock;
  const startedAtMs = clock.now();
  const version = packageVersion();
  let current = settings;
  const logger = createLogger({
    role: 'keeper',
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
    const files = createFileStorage({ path: settings.certificates.storage.path, clock });
    await files.open();
    const storage = withTimes(files, bus.emit);
    const hold = (listener: 'https' | 'http' | 'admin'): HeldSocket => {
      const wanted = settings.listen[listener];
      const held = choosePassedSocket(listener, wanted, passed) ?? holdSocket(listener, wanted);
      undo.push(() => held.close());
      return held;
    };
    const sockets = { https: hold('https'), http: hold('http'), admin: hold('admin') };
    /** clicks wait in them for the next process: the old gates need not be waited for */
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
    const departed = createDeparted({ storage, store, clock: caClock, emit: bus.emit });
    /** the configured names, and those that left and are still served */
    const servedWith = async (wanted: Settings): Promise<readonly DomainSettings[]> => {
      const retired = await departed.configure(wanted.domains);
      if (wanted.certificates.keepServing !== true) return wanted.domains;
      const reachable = new Set(wanted.upstreams.map(({ id }) => id));
      return [...wanted.domains, ...retired.filter(({ upstream }) => reachable.has(upstream))];
    };
    let served = await servedWith(settings);

    const gates = createGates({
      settings: { ...settings, domains: served },
      sockets: { https: sockets.https.handle, http: sockets.http.handle },
      ...(logLevel === undefined ? {} : { logLevel }),
      emit: bus.emit,
      clock,
      onStarted: (gate) => aggregate.gateStarted(gate),
      onExited: (gate) => {
        aggregate.gateExited(gate);
        traffic.gateExited(gate);
      },
      onMeasured: (gate, snapshot) => {
        aggregate.received(gate, snapshot);
        traffic.received(gate, snapshot);
      },
    });
    const health = createIssuersHealth({ storage, clock: caClock, emit: bus.emit });
    await health.load();
    const issuingWith = ({ certificates }: Settings) => {
      const issuers = createIssuers(certificates, storage, caClock);
      return {
        issue: createIssue({ storage, store, issuers, clock: caClock, emit: bus.emit, health }),
        renewalInfo: createAskRenewalInfo(issuers),
        look: createIssuersLook(certificates, storage),
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
      onStored: (name) => gates.lookAgain(name),
    });
    const metrics = createKeeperMetrics({
      events: bus,
      version,
      domains: namesOf(settings),
      clock,
      certificates: () => [...renewal.status(), ...departed.status()],
      renewals: () => renewal.figures(),
      issuers: () => issuing.status(),
      ordersLeft: () => issuing.ordersLeft(),
      upstreams: () =>
        Object.fromEntries(current.upstreams.map(({ id }) => [id, isReachable(gates.contacts(id)) ?? true])),
      isReady: () => isReady(),
    });
    const aggregate = createMetricsAggregate({
      keeper: () => metrics.snapshot(),
      ask: (gate, signal) => gates.measure(gate, signal),
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
      // before anything is ordered: the CA asks the gates
      await gates.apply({ ...next, domains: served }, { ...change, domains: compareDomains(before, served) });
      metrics.setDomains(namesOf(next));
      renewal.configure(namesOf(next));
      return change;
    };

    /** departed names whose certificate has expired are served no more */
    const serveAnew = async (): Promise<void> => {
      const before = served;
      served = await servedWith(current);
      const domains = compareDomains(before, served);
      if (domains.set.length + domains.removed.length === 0) return;
      await gates.apply({ ...current, domains: served }, { domains, atRestart: [] });
    };

    let reloads = 0;
    let lastReload: ReloadStatus | null = null;
    const reload = async (load: () => Promise<Settings>): Promise<Reloaded> => {
      let outcome: Reloaded;
      try {
        outcome = { change: await takeUp(await load()) };
      } catch (error) {
        outcome = { error: toGateError(error) };
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
    const isReady = (): boolean => ready && gates.isReady();
    const status = async (): Promise<Status> =>
      buildStatus({
        version,
        startedAtMs,
        ready: isReady(),
        workers: gates.list(),
        upstreams: current.upstreams,
        upstreamHealthy: ({ id }) => isReachable(gates.contacts(id)),
        issuers: issuing.status(),
        domains: served,
        reload: lastReload,
        days: await daily.days().catch(() => new Map()),
        certificates: [...renewal.status(), ...departed.status()],
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
    undo.push(() => gates.kill());
    await gates.start();
    renewal.start();
    void loadIssuers(settings.certificates);
    const unwatched = new AbortController();
    undo.push(() => unwatched.abort());
    const onChange = (name: string): void => {
      renewal.reread(name);
      gates.lookAgain(name);
      void departed.heard(name);
    };
    void departed.keep(unwatched.signal, () => void inTurn(serveAnew));
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
      states: () => [...renewal.status(), ...departed.status()].map(({ state }) => state),
      reload: (load) => inTurn(() => reload(load)),
      reopenLog: () => {
        logger.reopen();
        gates.reopenLog();
      },
      roll: () =>
        inTurn(async () => {
          await gates.roll().catch((error: unknown) => {
            bus.emit('part.failed', { part: 'gates', error });
          });
        }),
      stop: async (timeoutMs = current.drainMs) => {
        ready = false;
        bus.emit('program.stopping', { timeoutMs });
        const gatesEnd = socketsOutlive ? gates.leave() : gates.stop(timeoutMs);
        const stopping = Promise.all([gatesEnd, renewal.stop()]);
        // a click that comes now must be refused at once, not queued for gates that will not come back; where the sockets
        // are systemd's, it waits for the next process
        sockets.https.close();
        sockets.http.close();
        await stopping;
        await unwind();
        bus.emit('program.stopped', {});
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
