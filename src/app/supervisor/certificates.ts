// All that a supervisor does for certificates: it orders and renews those of the configured names, keeps removed domains until they
// expire, and watches the storage for what other processes changed. It serves nobody: it reports each stored certificate to `onStored`.

import { RemovedDomains } from '../../cert/removed/removed-domains.ts';
import { issuerStatuses, IssuersHealth } from '../../cert/issuers/issuer-health.ts';
import type { CaClock } from '../../cert/issuers/ca-clock.ts';
import type { Issuer } from '../../cert/issuers/issuer.ts';
import { createIssue, type Issue } from '../../cert/renewal/issue.ts';
import type { AskRenewalInfo } from '../../cert/renewal/poll-renewal-info.ts';
import type { Preflight } from '../../cert/renewal/preflight.ts';
import { Renewal } from '../../cert/renewal/renewal-loop.ts';
import { watchChanges } from '../../cert/state/changes.ts';
import { createNameStates } from '../../cert/state/name-state.ts';
import { createCertificateStore, type CertificateStore } from '../../cert/state/store.ts';
import type { CertificateStatus, IssuerStatus, RenewalFigures } from '../../core/certificate-state.ts';
import type { Emit } from '../../core/events.ts';
import type { Clock } from '../../core/platform/clock.ts';
import type { DomainSettings, Settings } from '../../core/settings.ts';
import type { Storage } from '../../core/storage.ts';
import {
  createAskRenewalInfo,
  createIssuers,
  createIssuersClock,
  createIssuersPreflight,
  loadIssuers,
  ordersLeftOf,
} from '../issuers.ts';

export interface CertificatesOptions {
  readonly settings: Pick<Settings, 'certificates' | 'domains'>;
  readonly storage: Storage;
  readonly clock: Clock;
  readonly emit: Emit;
  /** workers have to read the certificate of this name again */
  readonly onStored: (name: string) => void;
}

type OrdersLeft = Awaited<ReturnType<typeof ordersLeftOf>>;

const namesOf = (domains: readonly DomainSettings[]): readonly string[] => domains.map(({ name }) => name);

/** One list of issuers, and how it is used. A reload makes another one. */
interface Issuing {
  readonly issuers: readonly Issuer[];
  readonly issue: Issue;
  readonly renewalInfo: AskRenewalInfo;
  readonly preflight: Preflight | undefined;
}

export class Certificates {
  readonly #options: CertificatesOptions;
  readonly #clock: CaClock;
  readonly #store: CertificateStore;
  readonly #removed: RemovedDomains;
  readonly #health: IssuersHealth;
  readonly #renewal: Renewal;
  #settings: Settings['certificates'];
  #issuing: Issuing;

  constructor(options: CertificatesOptions) {
    const { settings, storage, emit, onStored } = options;
    this.#options = options;
    this.#settings = settings.certificates;
    this.#clock = createIssuersClock(() => this.#settings, options.clock);
    const clock = this.#clock;
    this.#store = createCertificateStore({ storage });
    this.#removed = new RemovedDomains({ storage, store: this.#store, clock, emit });
    this.#health = new IssuersHealth({ storage, clock, emit });
    this.#issuing = this.#createIssuing();
    this.#renewal = new Renewal({
      names: namesOf(settings.domains),
      store: this.#store,
      states: createNameStates({ storage, store: this.#store, clock }),
      issue: (name, signal) => this.#issuing.issue(name, signal),
      renewalInfo: (certificate, signal) => this.#issuing.renewalInfo(certificate, signal),
      preflight: async (name, signal) => this.#issuing.preflight?.(name, signal),
      clock,
      random: Math.random,
      emit,
      onStored,
    });
  }

  /** Reads how each CA fared before this start. Never rejects. */
  load(): Promise<void> {
    return this.#health.load();
  }

  /**
   * Begins to order; returns at once. Workers must serve before this call, because the CA asks them.
   * @param signal - ends the watching of the storage and of removed domains
   * @param onExpired - a removed domain has just expired, and must not be served any more
   */
  start(signal: AbortSignal, onExpired: () => void): void {
    const { storage, clock, emit, onStored } = this.#options;
    this.#renewal.start();
    void loadIssuers(this.#settings);
    void this.#removed.keep(signal, onExpired);
    const onChange = (name: string): void => {
      this.#renewal.reread(name);
      onStored(name);
      void this.#removed.heard(name);
    };
    void watchChanges({ storage, clock, emit, onChange }, signal);
  }

  /** Aborts the orders in flight. Never rejects. */
  stop(): Promise<void> {
    return this.#renewal.stop();
  }

  /** Uses other issuers from the next order on. */
  setIssuers(settings: Settings['certificates']): void {
    this.#settings = settings;
    this.#issuing = this.#createIssuing();
    void loadIssuers(settings);
  }

  /** Keeps the certificates of these names valid from now on. */
  setDomains(domains: readonly DomainSettings[]): void {
    this.#renewal.configure(namesOf(domains));
  }

  /** Removed domains that have not expired, when `domains` are the configured ones. Never rejects. */
  removedFrom(domains: readonly DomainSettings[]): Promise<readonly DomainSettings[]> {
    return this.#removed.configure(domains);
  }

  /** one row a name, removed domains last */
  list(): readonly CertificateStatus[] {
    return [...this.#renewal.status(), ...this.#removed.status()];
  }

  /** Whether every configured name has a certificate that can be served. */
  isLive(): boolean {
    return this.#renewal.status().every(({ state }) => state === 'live');
  }

  figures(): RenewalFigures {
    return this.#renewal.figures();
  }

  issuers(): readonly IssuerStatus[] {
    return issuerStatuses(this.#issuing.issuers, this.#health);
  }

  /** @throws LinkgateError `ERR_STORAGE_*` */
  ordersLeft(): Promise<OrdersLeft> {
    return ordersLeftOf(this.#issuing.issuers);
  }

  #createIssuing(): Issuing {
    const { storage, emit } = this.#options;
    const clock = this.#clock;
    const issuers = createIssuers(this.#settings, storage, clock);
    return {
      issuers,
      issue: createIssue({ storage, store: this.#store, issuers, clock, emit, health: this.#health }),
      renewalInfo: createAskRenewalInfo(issuers),
      preflight: createIssuersPreflight(this.#settings, storage),
    };
  }
}
