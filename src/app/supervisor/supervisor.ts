// The supervisor: it opens the storage and the sockets, starts its parts in order, and ends them in the opposite one. Its parts are
// certificates.ts, serving.ts (with the workers), measurements.ts, admin.ts and reload.ts (SIGHUP). It never touches a click.

import type { CertificateState } from '../../core/certificate-state.ts';
import { reportStorageFailure, type EventBus } from '../../core/events.ts';
import { systemClock } from '../../core/platform/clock.ts';
import { packageVersion } from '../../core/platform/version.ts';
import type { ListenAddress, Settings } from '../../core/settings.ts';
import type { Storage } from '../../core/storage.ts';
import { createFileStorage } from '../../storage/file.ts';
import { refuseForeignStorage } from '../storage-owner.ts';
import { withTimes } from '../../storage/timed.ts';
import type { AdminAccess } from '../admin/admin-access.ts';
import { startProcessLog, type ProcessLog } from '../process-log.ts';
import { Admin, readGuardedAccess } from './admin.ts';
import { Certificates } from './certificates.ts';
import { holdSockets, LISTENERS, type ListenerName, type ListeningSockets } from './listening-sockets.ts';
import { Measurements } from './measurements.ts';
import type { PassedSocket } from './passed-sockets.ts';
import { Reload, type ReloadOutcome } from './reload.ts';
import { Serving } from './serving.ts';
import { TicketKeys } from './ticket-keys.ts';

export interface SupervisorOptions {
  readonly settings: Settings;
  /** LINKGATE_LOG_LEVEL where it is set */
  readonly logLevel?: string;
  /** sockets that the parent of the program opened */
  readonly passed?: readonly PassedSocket[];
}

/** What is open before the parts are made. */
interface Opened {
  readonly settings: Settings;
  readonly logLevel?: string | undefined;
  readonly log: ProcessLog;
  readonly storage: Storage;
  readonly sockets: ListeningSockets;
  readonly access: AdminAccess;
}

const clock = systemClock;

export class Supervisor {
  readonly #log: ProcessLog;
  readonly #sockets: ListeningSockets;
  readonly #certificates: Certificates;
  readonly #serving: Serving;
  readonly #ticketKeys: TicketKeys;
  readonly #measurements: Measurements;
  readonly #admin: Admin;
  readonly #reload: Reload;
  readonly #version = packageVersion();
  /** aborts what watches the storage and the time */
  readonly #watching = new AbortController();

  constructor({ settings, logLevel, log, storage, sockets, access }: Opened) {
    const { bus } = log;
    const { emit } = bus;
    this.#log = log;
    this.#sockets = sockets;
    const certificates = new Certificates({
      settings,
      storage,
      clock,
      emit,
      onStored: (name) => this.#serving.workers.refresh(name),
    });
    const ticketKeys = new TicketKeys({ clock, onChanged: () => serving.workers.sendTicketKeys() });
    const serving = new Serving({
      settings,
      sockets,
      ...(logLevel === undefined ? {} : { logLevel }),
      ticketKeys: () => ticketKeys.current,
      clock,
      emit,
      removedFrom: (domains) => certificates.removedFrom(domains),
      onStarted: (worker) => this.#measurements.workerStarted(worker),
      onExited: (worker) => this.#measurements.workerExited(worker),
      onMeasured: (worker, snapshot) => this.#measurements.received(worker, snapshot),
    });
    const measurements = new Measurements({
      events: bus,
      version: this.#version,
      clock,
      domains: settings.domains,
      measure: (worker, signal) => serving.workers.measure(worker, signal),
      certificates: () => certificates.list(),
      renewals: () => certificates.figures(),
      issuers: () => certificates.issuers(),
      ordersLeft: () => certificates.ordersLeft(),
      upstreams: () =>
        Object.fromEntries(serving.settings.upstreams.map(({ id }) => [id, serving.isReachable(id) ?? true])),
      isReady: () => serving.isReady(),
    });
    const admin = new Admin({
      socket: sockets.admin,
      access,
      bus,
      clock,
      version: this.#version,
      certificates,
      serving,
      measurements,
      lastReload: () => this.#reload.last,
    });
    this.#reload = new Reload({ certificates, serving, admin, measurements, log, clock });
    this.#certificates = certificates;
    this.#serving = serving;
    this.#ticketKeys = ticketKeys;
    this.#measurements = measurements;
    this.#admin = admin;
  }

  get addresses(): Readonly<Record<ListenerName, ListenAddress>> {
    return this.#sockets.addresses();
  }

  get events(): Pick<EventBus, 'on'> {
    return this.#log.bus;
  }

  /** @throws LinkgateError with the code the first worker failed with; nothing is left running */
  async start(): Promise<void> {
    try {
      await this.#serving.load();
      await this.#certificates.load();
      await this.#admin.start();
      await this.#serving.start();
      // after the workers, which answer the challenges of the CA
      const { signal } = this.#watching;
      this.#certificates.start(signal, () => void this.#reload.dropExpired());
      this.#measurements.start(signal);
      void this.#ticketKeys.start(signal);
    } catch (error) {
      await this.#end();
      throw error;
    }
    const { emit } = this.#log.bus;
    for (const listener of LISTENERS) {
      emit('listener.opened', { listener, ...this.addresses[listener] });
    }
    const domains = this.#serving.settings.domains.length;
    emit('program.started', { version: this.#version, node: process.version, domains });
  }

  /** Whether every configured name has a certificate that can be served. */
  isLive(): boolean {
    return this.#certificates.isLive();
  }

  /** the state of each name, removed domains included */
  states(): readonly CertificateState[] {
    return this.#certificates.list().map(({ state }) => state);
  }

  /**
   * Reads the settings again and uses them without closing a connection; settings with a mistake leave the old ones in place. One
   * reload at a time; never rejects.
   */
  reload(load: () => Promise<Settings>): Promise<ReloadOutcome> {
    return this.#reload.reload(load);
  }

  /** Opens the log file again in every process, after it was moved away. */
  reopenLog(): void {
    this.#log.logger.reopen();
    this.#serving.workers.reopenLog();
  }

  /** Writes the log lines of this process that are still in memory. */
  flushLog(): void {
    this.#log.logger.flush();
  }

  /** New processes for all workers, one by one; resolves when the last old one is gone, never rejects. */
  roll(): Promise<void> {
    return this.#reload.roll();
  }

  /**
   * Lets requests in flight finish, for `timeoutMs` (`drainTimeout`) at most, and ends everything. Workers whose sockets outlive this
   * process end by themselves. Never rejects.
   */
  async stop(timeoutMs = this.#serving.settings.drainMs): Promise<void> {
    this.#log.bus.emit('program.stopping', { timeoutMs });
    await Promise.all([this.#serving.stop(timeoutMs), this.#certificates.stop()]);
    await this.#end();
    this.#log.bus.emit('program.stopped', {});
    this.#log.stop();
  }

  /** Ends the workers at once, and so a `stop` that waits for them. */
  cut(): void {
    this.#serving.kill();
  }

  async #end(): Promise<void> {
    this.#watching.abort();
    this.#serving.kill();
    await this.#admin.stop();
    this.#sockets.close();
  }
}

const openStorage = async ({ certificates }: Settings, { bus }: ProcessLog): Promise<Storage> => {
  const { path } = certificates.storage;
  await refuseForeignStorage(path);
  const files = createFileStorage({ path, clock, onFault: (error) => reportStorageFailure(bus.emit, error) });
  await files.open();
  return withTimes(files, bus.emit);
};

/**
 * Starts everything, in the order in which a failure costs least: nothing is ordered before the sockets are open.
 * @throws LinkgateError `ERR_LISTEN_*`, `ERR_STORAGE_*`, or what the first worker failed with; nothing is left running
 */
export const startSupervisor = async ({
  settings,
  logLevel,
  passed = [],
}: SupervisorOptions): Promise<Supervisor> => {
  const log = startProcessLog({ role: 'supervisor', settings, logLevel, clock });
  let sockets: ListeningSockets | undefined;
  try {
    const storage = await openStorage(settings, log);
    sockets = holdSockets(settings.listen, passed);
    const access = await readGuardedAccess(settings.admin, sockets.admin);
    const supervisor = new Supervisor({ settings, logLevel, log, storage, sockets, access });
    await supervisor.start();
    return supervisor;
  } catch (error) {
    sockets?.close();
    log.stop();
    throw error;
  }
};
