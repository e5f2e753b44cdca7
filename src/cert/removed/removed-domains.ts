// Domains that were removed from the configuration. Their certificates are no longer renewed. Mail holds their links for years, so they can
// be served until their certificates expire. An expired certificate goes to the archive, unless another proxy on the storage still has
// the domain. Nothing is deleted: a domain that is configured again before finds its certificate.

import type { CertificateStatus } from '../../core/certificate-state.ts';
import type { Clock } from '../../core/platform/clock.ts';
import { reportStorageFailure, type Emit } from '../../core/events.ts';
import type { DomainSettings } from '../../core/settings.ts';
import { isUnreadable, type Storage } from '../../core/storage.ts';
import type { CaClock } from '../issuers/ca-clock.ts';
import { certificateStatus } from '../renewal/certificate-status.ts';
import type { CertificateStore, KnownCertificate } from '../state/store.ts';
import { unlessInvalid } from '../state/unless-invalid.ts';
import { createArchiveRemoved, type ArchiveRemoved } from './archive-removed.ts';
import { readServed, rememberServed } from './served-list.ts';

export interface RemovedDomainsOptions {
  readonly storage: Storage;
  readonly store: CertificateStore;
  /** the CA's time where it is known: nothing is archived by a clock that is wrong */
  readonly clock: Clock & Partial<Pick<CaClock, 'settle'>>;
  readonly emit: Emit;
}

const SWEEP_MS = 3_600_000;
const SHORTEST_NAP_MS = 500;
const STORAGE_PAUSE_MS = 60_000;

export class RemovedDomains {
  readonly #options: RemovedDomainsOptions;
  readonly #archive: ArchiveRemoved;
  /** removed domains whose certificate has not expired */
  readonly #served = new Map<string, KnownCertificate>();
  #configured: ReadonlySet<string> = new Set();
  #nap = new AbortController();

  constructor(options: RemovedDomainsOptions) {
    this.#options = options;
    this.#archive = createArchiveRemoved({ ...options, isConfigured: (name) => this.#isConfigured(name) });
  }

  /**
   * Finds the removed domains whose certificate has not expired, with the settings that they had last, and remembers the settings of the
   * configured ones. Called again when the configuration changed. Never rejects: a storage that fails is reported, and no domain counts
   * as removed.
   */
  async configure(domains: readonly DomainSettings[]): Promise<readonly DomainSettings[]> {
    const { storage } = this.#options;
    this.#configured = new Set(domains.map(({ name }) => name));
    for (const name of this.#configured) this.#served.delete(name);
    try {
      await this.#archive.keepConfigured();
      await this.#sweep();
      const isServed = (name: string): boolean => this.#served.has(name);
      const removed = (await readServed(storage)).filter(({ name }) => isServed(name));
      await rememberServed(this.#options, domains, isServed).catch(this.#report);
      return removed;
    } catch (error) {
      this.#report(error);
      return [];
    } finally {
      this.#nap.abort();
    }
  }

  /**
   * Archives what has expired until `signal` aborts; resolves then.
   * @param onExpired - called when the certificate of a removed domain has just expired: the domain is to be served no longer
   */
  async keep(signal: AbortSignal, onExpired: (name: string) => void = () => undefined): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      this.#nap = new AbortController();
      await clock.sleep(this.#napMs(), AbortSignal.any([signal, this.#nap.signal]));
      if (signal.aborted) return;
      try {
        await clock.settle?.(false, signal);
        for (const { domain, notAfterMs } of this.#served.values()) {
          if (notAfterMs <= clock.now()) onExpired(domain);
        }
        await this.#sweep();
        await this.#archive.finish(signal);
      } catch (error) {
        // A stop that cuts it off is no failure.
        if (!signal.aborted) this.#report(error);
        await clock.sleep(STORAGE_PAUSE_MS, signal);
      }
    }
  }

  /** A note about a name was found (cert/state/changes.ts): another proxy may ask whether this one has the name. Never rejects. */
  heard(name: string): Promise<void> {
    return this.#archive.answer(name).catch(this.#report);
  }

  /** one row for each removed domain whose certificate has not expired */
  status(): readonly CertificateStatus[] {
    const nowMs = this.#options.clock.now();
    return [...this.#served.values()].map((certificate) =>
      certificateStatus({
        domain: certificate.domain,
        certificate,
        state: undefined,
        nowMs,
        isRemoved: true,
      }),
    );
  }

  #isConfigured(name: string): boolean {
    return this.#configured.has(name);
  }

  readonly #report = (error: unknown): void => reportStorageFailure(this.#options.emit, error);

  /** undefined when there is none, or none that can be read and understood: such a file is left alone */
  async #find(name: string): Promise<KnownCertificate | undefined> {
    const found = await unlessInvalid(this.#options.store.read(name)).catch((error: unknown) => {
      if (isUnreadable(error)) return undefined;
      throw error;
    });
    if (found === undefined) return undefined;
    const { keyPem: _key, chainPem: _chain, ...known } = found;
    return known;
  }

  async #sweep(): Promise<void> {
    const { store, clock } = this.#options;
    for (const name of await store.list()) {
      if (this.#isConfigured(name)) continue;
      const certificate = await this.#find(name);
      // A reload may have configured the domain meanwhile.
      if (certificate === undefined || this.#isConfigured(name)) continue;
      if (certificate.notAfterMs > clock.now()) this.#served.set(name, certificate);
      else {
        this.#served.delete(name);
        // Domains that have not expired are served also when the storage cannot be written.
        await this.#archive.ask(certificate).catch(this.#report);
      }
    }
  }

  /** Until the next one expires or may be archived, and an hour at most. */
  #napMs(): number {
    const ends = [...this.#served.values()].map(({ notAfterMs }) => notAfterMs);
    const soonestMs = Math.min(this.#archive.nextMs(), ...ends);
    return Math.min(Math.max(soonestMs - this.#options.clock.now(), SHORTEST_NAP_MS), SWEEP_MS);
  }
}
