// What is served, and by whom: the settings in force, the configured names with the removed domains that are still served, and the
// workers on the two public sockets. It orders no certificate.

import type { DomainSettings, Settings } from '../../core/settings.ts';
import { isReachable } from '../../core/upstream-contact.ts';
import { compareDomains, type SettingsChange } from '../settings-change.ts';
import type { ListeningSockets } from './listening-sockets.ts';
import { Workers, type WorkersOptions } from './workers.ts';

export interface ServingOptions extends Omit<WorkersOptions, 'sockets' | 'checkMs'> {
  readonly sockets: ListeningSockets;
  /** removed domains that have not expired, when these are the configured ones; never rejects */
  readonly removedFrom: (domains: readonly DomainSettings[]) => Promise<readonly DomainSettings[]>;
}

export class Serving {
  readonly #options: ServingOptions;
  readonly #workers: Workers;
  #settings: Settings;
  #served: readonly DomainSettings[];
  #isOpen = false;

  constructor(options: ServingOptions) {
    const { settings, sockets } = options;
    this.#options = options;
    this.#settings = settings;
    this.#served = settings.domains;
    this.#workers = new Workers({
      ...options,
      sockets: { https: sockets.https.handle, http: sockets.http.handle },
    });
  }

  /** as they are in force, `domains` without the removed ones */
  get settings(): Settings {
    return this.#settings;
  }

  /** the configured names, and the removed domains that are still served */
  get domains(): readonly DomainSettings[] {
    return this.#served;
  }

  get workers(): Workers {
    return this.#workers;
  }

  /** Whether a worker answers: a port that only queues is not ready. */
  isReady(): boolean {
    return this.#isOpen && this.#workers.isReady();
  }

  /** Whether an upstream can be reached, by what the workers saw last; undefined when none has tried. */
  isReachable(upstream: DomainSettings['upstream']): boolean | undefined {
    return isReachable(this.#workers.contacts(upstream));
  }

  /** Reads which removed domains are still served; before `start`. */
  async load(): Promise<void> {
    this.#served = await this.choose(this.#settings);
  }

  /** @throws LinkgateError with the code the first worker failed with */
  async start(): Promise<void> {
    await this.#workers.start({ ...this.#settings, domains: this.#served });
    this.#isOpen = true;
  }

  /** What would be served with these settings. Never rejects. */
  async choose({ domains, certificates, upstreams }: Settings): Promise<readonly DomainSettings[]> {
    const removed = await this.#options.removedFrom(domains);
    if (certificates.keepServing !== true) return domains;
    const reachable = new Set(upstreams.map(({ id }) => id));
    return [...domains, ...removed.filter(({ upstream }) => reachable.has(upstream))];
  }

  /**
   * Gives the workers new settings; no connection is closed.
   * @param domains - what `choose` returned for them
   */
  async apply(settings: Settings, change: SettingsChange, domains: readonly DomainSettings[]): Promise<void> {
    const before = this.#served;
    this.#settings = settings;
    this.#served = domains;
    await this.#workers.apply(
      { ...settings, domains },
      { ...change, domains: compareDomains(before, domains) },
    );
  }

  /** Removed domains whose certificate has expired are served no more. */
  async dropExpired(): Promise<void> {
    const before = this.#served;
    this.#served = await this.choose(this.#settings);
    const domains = compareDomains(before, this.#served);
    if (domains.set.length + domains.removed.length === 0) return;
    await this.#workers.apply({ ...this.#settings, domains: this.#served }, { domains, atRestart: [] });
  }

  /** Lets requests in flight finish, for `timeoutMs` at most; never rejects. Where the sockets outlive this process, so may its workers. */
  stop(timeoutMs: number): Promise<void> {
    this.#isOpen = false;
    const { sockets } = this.#options;
    const ended = sockets.outliveProcess ? this.#workers.leave() : this.#workers.stop(timeoutMs);
    // a click that comes now must be refused at once, and not wait for workers that will not come back; where systemd holds the
    // sockets, it waits for the next process
    sockets.closePublic();
    return ended;
  }

  /** Ends all workers at once. */
  kill(): void {
    this.#workers.kill();
  }
}
