// The admin port of a supervisor: who may ask, the page, the metrics and the status. It reads the other parts and changes none.

import { createAccess, type Access } from '../../admin/access.ts';
import { createPage, type Page } from '../../admin/page/page.ts';
import { createRecentEvents, type RecentEvents } from '../../admin/recent-events.ts';
import { AdminServer } from '../../admin/server.ts';
import { buildStatus, type ReloadStatus, type Status } from '../../admin/status.ts';
import type { EventBus } from '../../core/events.ts';
import type { Clock } from '../../core/platform/clock.ts';
import type { AdminSettings } from '../../core/settings.ts';
import {
  createTokenRefresh,
  readAdminAccess,
  requireGuard,
  type AdminAccess,
} from '../admin/admin-access.ts';
import type { Certificates } from './certificates.ts';
import type { HeldSocket } from './held-socket.ts';
import type { Measurements } from './measurements.ts';
import type { Serving } from './serving.ts';

export interface AdminOptions {
  readonly socket: HeldSocket;
  /** who may ask, as `readGuardedAccess` read it */
  readonly access: AdminAccess;
  readonly bus: EventBus;
  readonly clock: Clock;
  readonly version: string;
  readonly certificates: Pick<Certificates, 'list' | 'issuers'>;
  readonly serving: Serving;
  readonly measurements: Measurements;
  readonly lastReload: () => ReloadStatus | null;
}

/**
 * Who may ask the admin port, read from the files that the settings name.
 * @throws LinkgateError `ERR_CONFIG_INVALID` when one of them is unfit, or when the port is open to other machines without a guard
 */
export const readGuardedAccess = async (
  admin: AdminSettings | undefined,
  { address }: HeldSocket,
): Promise<AdminAccess> => {
  const access = await readAdminAccess(admin);
  requireGuard(address, access);
  return access;
};

export class Admin {
  readonly #options: AdminOptions;
  readonly #startedAtMs: number;
  readonly #access: Access;
  readonly #recent: RecentEvents;
  readonly #page: Page;
  readonly #server: AdminServer;

  constructor(options: AdminOptions) {
    const { socket, access, bus, clock, serving, measurements } = options;
    this.#options = options;
    this.#startedAtMs = clock.now();
    this.#access = createAccess(clock);
    this.#access.setRules(access.rules);
    this.#recent = createRecentEvents(bus, clock);
    const status = (): Promise<Status> => this.#status();
    this.#page = createPage({ status, traffic: measurements.traffic, events: this.#recent, clock });
    this.#server = new AdminServer({
      socket,
      access: this.#access,
      lookForToken: createTokenRefresh(this.#access, () => serving.settings.admin),
      ...(access.tls === undefined ? {} : { tls: access.tls }),
      metrics: (accept) => measurements.page(accept),
      ready: () => serving.isReady(),
      status,
      pages: this.#page.pages,
      streams: this.#page.streams,
      onError: (error) => bus.emit('part.failed', { part: 'admin', error }),
    });
  }

  /** @throws LinkgateError `ERR_LISTEN_IN_USE` */
  start(): Promise<void> {
    return this.#server.start();
  }

  /** Safe to call before `start`; never rejects. */
  async stop(): Promise<void> {
    // an open page keeps a connection, for which the server would wait
    this.#page.stop();
    await this.#server.stop();
    this.#recent.stop();
  }

  /** @throws as `readGuardedAccess` does */
  readAccess(admin: AdminSettings | undefined): Promise<AdminAccess> {
    return readGuardedAccess(admin, this.#options.socket);
  }

  setAccess({ rules, tls }: AdminAccess): void {
    this.#access.setRules(rules);
    if (tls !== undefined) this.#server.setTls(tls);
  }

  async #status(): Promise<Status> {
    const { version, certificates, serving, measurements, lastReload } = this.#options;
    return buildStatus({
      version,
      startedAtMs: this.#startedAtMs,
      ready: serving.isReady(),
      workers: serving.workers.list(),
      upstreams: serving.settings.upstreams,
      upstreamHealthy: ({ id }) => serving.isReachable(id),
      issuers: certificates.issuers(),
      domains: serving.domains,
      reload: lastReload(),
      days: await measurements.days(),
      certificates: certificates.list(),
    });
  }
}
