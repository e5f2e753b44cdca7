// Gets one name its certificate, once: one order at a time in the process, the lock of the name across processes and machines, a second
// check under the lock, the issuers in order, then the storage. When a name is due is not decided here: renewal-loop.ts decides it.

import type { Clock } from '../../core/platform/clock.ts';
import { toLinkgateError } from '../../core/errors.ts';
import { reportStorageFailure, type Emit } from '../../core/events.ts';
import type { Storage } from '../../core/storage.ts';
import { checkCertificate } from '../certificate/certificate.ts';
import { IssuersHealth } from '../issuers/issuer-health.ts';
import type { Issuer, Obtained } from '../issuers/issuer.ts';
import type { IssuanceState } from '../state/issuance-state.ts';
import { createNameStates, type HeldName, type NameStates } from '../state/name-state.ts';
import { isStorageFailure } from '../state/storage-failure.ts';
import type { CertificateStore, StoredCertificate } from '../state/store.ts';
import { isEarlyOrder, isRenewalDue, issuedState } from './plan.ts';
import { tryIssuers } from './try-issuers.ts';

export interface IssueOptions {
  readonly storage: Storage;
  readonly store: CertificateStore;
  /** tried in this order */
  readonly issuers: readonly Issuer[];
  readonly clock: Clock;
  readonly emit: Emit;
  /** one of its own when absent */
  readonly health?: IssuersHealth;
}

export interface Issued {
  readonly certificate: StoredCertificate;
  /** false when the stored certificate needed no replacement: another process was faster */
  readonly isNew: boolean;
  /** how the name stands now, written under its lock. Absent where nothing was ever tried. */
  readonly state?: IssuanceState;
}

export interface OrderOptions {
  /** order even though the stored certificate is not due */
  readonly force?: boolean;
  /** the certificate that the CA is told is replaced; the stored one when absent */
  readonly replaces?: StoredCertificate;
}

/**
 * Gets the name a certificate that is not due for renewal: the stored one, else a new one, which it stores.
 * @param name - lower-case A-label, no trailing dot
 * @throws LinkgateError `ERR_ACME_*` or `ERR_CERT_INVALID` of the last issuer tried (details.issuer), `ERR_STORAGE_UNAVAILABLE`,
 * `ERR_STORAGE_LOCKED` when another process held the name for longer than a minute; else the reason of `signal`
 */
export type Issue = (name: string, signal: AbortSignal, order?: OrderOptions) => Promise<Issued>;

/** What a CA gave and the storage could not take: the next attempt then needs no order. */
interface Unstored {
  readonly issuer: Issuer;
  readonly obtained: Obtained;
  /** fingerprint of the certificate that was stored then */
  readonly before: string | undefined;
}

/** for more names than that it is ordered again: a storage that fails for so many is noticed before their orders */
const MOST_UNSTORED = 100;

class Issuance {
  readonly #options: IssueOptions;
  readonly #health: IssuersHealth;
  readonly #states: NameStates;
  readonly #running = new Map<string, Promise<Issued>>();
  readonly #unstored = new Map<string, Unstored>();

  constructor(options: IssueOptions) {
    this.#options = options;
    this.#health = options.health ?? new IssuersHealth(options);
    this.#states = createNameStates(options);
  }

  issue(name: string, signal: AbortSignal, order: OrderOptions): Promise<Issued> {
    const already = this.#running.get(name);
    if (already !== undefined) return already;
    const work = this.#states
      .hold(name, { signal }, (held) => this.#issueHeld(name, held, signal, order))
      .finally(() => this.#running.delete(name));
    this.#running.set(name, work);
    return work;
  }

  async #issueHeld(name: string, held: HeldName, signal: AbortSignal, order: OrderOptions): Promise<Issued> {
    const { clock } = this.#options;
    const { state, lost } = held;
    const certificate = await held.readCertificate();
    const { force = false, replaces = certificate } = order;
    const nowMs = clock.now();
    const mustOrder = force || certificate === undefined;
    if (!mustOrder && !isRenewalDue(certificate, state, nowMs)) return this.#keepStored(held, certificate);
    const isEarly = !mustOrder && isEarlyOrder(certificate, state, nowMs);

    const issued = async (found: Unstored, startedMs: number): Promise<Issued> => {
      const stored = await this.#store(name, held, found, startedMs);
      const next = issuedState(state, { atMs: clock.now(), challenge: found.obtained.challenge, isEarly });
      await this.#remember(held, next);
      return { certificate: stored, isNew: true, state: next };
    };
    const before = certificate?.fingerprint;
    const unstored = this.#takeUnstored(name, before);
    if (unstored !== undefined) return issued(unstored, nowMs);
    return tryIssuers(name, AbortSignal.any([signal, lost]), {
      ...this.#options,
      health: this.#health,
      force,
      options: {
        ...(replaces === undefined ? {} : { replaces }),
        ...(state?.challenge === undefined ? {} : { challenge: state.challenge }),
      },
      accept: (issuer, obtained, startedMs) => issued({ issuer, obtained, before }, startedMs),
    });
  }

  /** The stored certificate needs no replacement, so earlier failures are over. */
  async #keepStored(held: HeldName, certificate: StoredCertificate): Promise<Issued> {
    const { state } = held;
    if (state === undefined) return { certificate, isNew: false };
    if (state.failures === 0) return { certificate, isNew: false, state };
    const calm: IssuanceState = { ...state, failures: 0, nextAttemptMs: 0 };
    await this.#remember(held, calm);
    return { certificate, isNew: false, state: calm };
  }

  /** @throws LinkgateError `ERR_STORAGE_*`; what was obtained is then kept for the next attempt */
  async #store(name: string, held: HeldName, found: Unstored, startedMs: number): Promise<StoredCertificate> {
    const { source, issuer, directory } = found.issuer;
    const { challenge: _challenge, ...keyAndChain } = found.obtained;
    const origin = { source, issuer, ...(directory === undefined ? {} : { directory }) };
    const certificate = await held.storeCertificate({ ...keyAndChain, ...origin }).catch((error: unknown) => {
      const isStorage = isStorageFailure(toLinkgateError(error));
      if (isStorage && this.#unstored.size < MOST_UNSTORED) this.#unstored.set(name, found);
      throw error;
    });
    const { serial, notAfterMs } = certificate;
    const durationMs = this.#options.clock.now() - startedMs;
    const isFirst = found.before === undefined;
    this.#options.emit('certificate.issued', {
      domain: name,
      issuer,
      serial,
      notAfterMs,
      durationMs,
      isFirst,
    });
    return certificate;
  }

  /** What an earlier attempt could not store, unless the name has another certificate by now or that one would be due itself. */
  #takeUnstored(name: string, before: string | undefined): Unstored | undefined {
    const unstored = this.#unstored.get(name);
    this.#unstored.delete(name);
    if (unstored === undefined || unstored.before !== before) return undefined;
    const facts = checkCertificate(name, unstored.obtained);
    return isRenewalDue(facts, undefined, this.#options.clock.now()) ? undefined : unstored;
  }

  /** A certificate is worth more than its state: a state that cannot be written is reported, and the certificate stays. */
  async #remember(held: HeldName, state: IssuanceState): Promise<void> {
    await held.storeState(state).catch((error: unknown) => reportStorageFailure(this.#options.emit, error));
  }
}

export const createIssue = (options: IssueOptions): Issue => {
  const issuance = new Issuance(options);
  return (name, signal, order = {}) => issuance.issue(name, signal, order);
};
