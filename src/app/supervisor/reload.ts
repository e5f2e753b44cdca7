// What happens at SIGHUP: the settings are loaded again and compared with those in force, and each part gets what concerns it. Settings
// with a mistake leave the old ones in place. Work that changes the workers (a roll, too) is done here, one piece after the other.

import type { ReloadStatus } from '../../admin/status.ts';
import { toLinkgateError, type LinkgateError } from '../../core/errors.ts';
import type { Clock } from '../../core/platform/clock.ts';
import type { Settings } from '../../core/settings.ts';
import type { ProcessLog } from '../process-log.ts';
import { compareSettings, type SettingsChange } from '../settings-change.ts';
import type { Admin } from './admin.ts';
import type { Certificates } from './certificates.ts';
import type { Measurements } from './measurements.ts';
import type { Serving } from './serving.ts';

export interface ReloadOptions {
  readonly certificates: Certificates;
  readonly serving: Serving;
  readonly admin: Admin;
  readonly measurements: Measurements;
  readonly log: ProcessLog;
  readonly clock: Clock;
}

/** How a reload went. */
export type ReloadOutcome = { readonly change: SettingsChange } | { readonly error: LinkgateError };

export class Reload {
  readonly #options: ReloadOptions;
  #turn: Promise<unknown> = Promise.resolve();
  #last: ReloadStatus | null = null;

  constructor(options: ReloadOptions) {
    this.#options = options;
  }

  /** how the last one went; null before the first */
  get last(): ReloadStatus | null {
    return this.#last;
  }

  /** Loads settings and applies them without closing a connection. Never rejects. */
  reload(load: () => Promise<Settings>): Promise<ReloadOutcome> {
    return this.#inTurn(async () => {
      const outcome = await this.#outcomeOf(load);
      this.#report(outcome);
      return outcome;
    });
  }

  /** New processes for all workers, one by one. Never rejects. */
  roll(): Promise<void> {
    const { serving, log } = this.#options;
    return this.#inTurn(() =>
      serving.workers.roll().catch((error: unknown) => {
        log.bus.emit('part.failed', { part: 'workers', error });
      }),
    );
  }

  /** Ends the serving of removed domains that have expired. */
  dropExpired(): Promise<void> {
    return this.#inTurn(() => this.#options.serving.dropExpired());
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #outcomeOf(load: () => Promise<Settings>): Promise<ReloadOutcome> {
    try {
      return { change: await this.#apply(await load()) };
    } catch (error) {
      return { error: toLinkgateError(error) };
    }
  }

  async #apply(wanted: Settings): Promise<SettingsChange> {
    const { certificates, serving, admin, measurements, log } = this.#options;
    const change = compareSettings(serving.settings, wanted);
    const next: Settings = { ...(change.common ?? serving.settings), domains: wanted.domains };
    // a file may have changed even where the setting that names it has not
    const access = await admin.readAccess(next.admin);
    const domains = await serving.choose(next);
    admin.setAccess(access);
    if (change.common !== undefined) {
      certificates.setIssuers(next.certificates);
      log.configure(next);
    }
    // before the first order for a new name: the CA asks the workers
    await serving.apply(next, change, domains);
    measurements.setDomains(next.domains);
    certificates.setDomains(next.domains);
    return change;
  }

  #report(outcome: ReloadOutcome): void {
    const { serving, log, clock } = this.#options;
    const change = 'change' in outcome ? outcome.change : undefined;
    const error = 'error' in outcome ? outcome.error : undefined;
    const atRestart = change?.atRestart ?? [];
    this.#last = {
      number: (this.#last?.number ?? 0) + 1,
      at: new Date(clock.now()).toISOString(),
      problem: error?.message ?? null,
      atRestart,
    };
    log.bus.emit('settings.reloaded', {
      domains: serving.settings.domains.length,
      changed: change?.domains.set.length ?? 0,
      removed: change?.domains.removed.length ?? 0,
      atRestart,
      ...(error === undefined ? {} : { code: error.code, message: error.message }),
    });
  }
}
