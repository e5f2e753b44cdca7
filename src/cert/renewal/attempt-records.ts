// What the renewal loop knows of each name: read from the storage once, then kept up to date in memory and in the storage. Between the
// loop (renewal-loop.ts) and cert/state. When something is ordered is not decided here.

import type { Clock } from '../../core/platform/clock.ts';
import { LinkgateError, toLinkgateError } from '../../core/errors.ts';
import { reportStorageFailure, type Emit } from '../../core/events.ts';
import { isUnreadable } from '../../core/storage.ts';
import type { CaClock } from '../issuers/ca-clock.ts';
import { NOTHING_YET, type IssuanceState } from '../state/issuance-state.ts';
import { lastProblemOf } from '../state/last-problem.ts';
import type { NameStates } from '../state/name-state.ts';
import { isStorageFailure } from '../state/storage-failure.ts';
import type { CertificateStore, KnownCertificate, StoredCertificate } from '../state/store.ts';
import { MOST_AT_ONCE, type Entry } from './queue/entry.ts';

export interface AttemptRecordsOptions {
  readonly store: Pick<CertificateStore, 'read' | 'glance'>;
  readonly states: Pick<NameStates, 'read' | 'list' | 'update'>;
  readonly clock: Clock & Partial<Pick<CaClock, 'learn'>>;
  readonly emit: Emit;
}

const FIRST_READ_PAUSE_MS = 2_000;
const LONGEST_READ_PAUSE_MS = 60_000;
/** so many names are read without a check of each certificate; those that are read are ordered for meanwhile */
export const MANY = 500;
/** the key of so long a name may be a digest (cert/state/name-key.ts), which a list does not tell */
const LONG_NAME = 200;
/** for the lock of a name: another process that holds it longer is ordering, and writes the state itself */
const LOCK_WAIT_MS = 10_000;

/** The window is for the certificate next to it: one copy of the fingerprint is enough. */
const withSharedFingerprint = (
  state: IssuanceState | undefined,
  certificate: KnownCertificate | undefined,
): IssuanceState | undefined =>
  state?.renewal === undefined || state.renewal.fingerprint !== certificate?.fingerprint
    ? state
    : { ...state, renewal: { ...state.renewal, fingerprint: certificate.fingerprint } };

export class AttemptRecords {
  readonly #options: AttemptRecordsOptions;
  /** one copy of a text that very many names have in common */
  readonly #texts = new Map<string, string>();
  #readAtMs = 0;
  #readPauseMs = FIRST_READ_PAUSE_MS;

  constructor(options: AttemptRecordsOptions) {
    this.#options = options;
  }

  /** When `readUnknown` reads again. A time that is further away than any pause comes from a clock that was wrong. */
  readAtMs(): number {
    return this.#readAtMs > this.#options.clock.now() + LONGEST_READ_PAUSE_MS ? 0 : this.#readAtMs;
  }

  /** `readUnknown` reads at once. */
  readSoon(): void {
    this.#readAtMs = 0;
  }

  /**
   * Reads what the storage knows of `unknown`: nothing can be decided about a name before. Names that cannot be read are left for
   * later and do not delay the others. Of {@link MANY} names or more, certificates are read without a check: `inspect` them later.
   * Never rejects.
   * @param onKnown - called for each entry that was read
   */
  async readUnknown(
    unknown: readonly Entry[],
    signal: AbortSignal,
    onKnown: (entry: Entry, isGlance: boolean) => void,
  ): Promise<void> {
    if (unknown.length === 0 || this.#options.clock.now() < this.readAtMs()) return;
    let names: ReadonlySet<string> | undefined;
    try {
      if (unknown.length >= MANY) names = await this.#options.states.list();
    } catch (error) {
      return this.#readFailed(error);
    }
    const queue = unknown.values();
    const failures: unknown[] = [];
    let successes = 0;
    let unreadable = 0;
    const reader = async (): Promise<void> => {
      for (const entry of queue) {
        const isDown = successes === 0 && failures.length >= MOST_AT_ONCE;
        if (signal.aborted || isDown) return;
        try {
          await this.#read(entry, names);
          successes += 1;
          onKnown(entry, names !== undefined);
        } catch (error) {
          if (isUnreadable(error)) {
            unreadable += 1;
            this.#cannotRead(entry, toLinkgateError(error));
          } else failures.push(error);
        }
      }
    };
    await Promise.all(Array.from({ length: MOST_AT_ONCE }, reader));
    if (failures.length > 0) this.#readFailed(failures[0]);
    else if (unreadable > 0) this.#pause();
    else this.#readPauseMs = FIRST_READ_PAUSE_MS;
  }

  /** Checks a certificate that was only glanced at. True: it cannot be served, and the name now has none. Never rejects. */
  async inspect(entry: Entry): Promise<boolean> {
    if (entry.certificate === undefined) return false;
    const { fingerprint } = entry.certificate;
    try {
      await this.#options.store.read(entry.name);
      return false;
    } catch (error) {
      const isSame = entry.isKnown && !entry.isRunning && entry.certificate?.fingerprint === fingerprint;
      if (!(error instanceof LinkgateError) || isStorageFailure(error) || !isSame) return false;
      this.#dropInvalid(entry, error);
      return true;
    }
  }

  /** The name has this certificate now. Its key is not kept. */
  know(entry: Entry, certificate: StoredCertificate | KnownCertificate): void {
    const { source, issuer, directory, serial, fingerprint, notBeforeMs, notAfterMs } = certificate;
    entry.certificate = {
      domain: entry.name,
      source,
      issuer: this.#shared(issuer),
      ...(directory === undefined ? {} : { directory: this.#shared(directory) }),
      serial,
      fingerprint,
      notBeforeMs,
      notAfterMs,
    };
    // Only the time of a CA is better than the clock of this machine.
    if (source === 'acme') this.#options.clock.learn?.(notBeforeMs);
  }

  /**
   * Changes the state of a name, in memory in any case, and in the storage when that works. Never rejects.
   * @param change - gets the state as it is stored, or what memory has when the storage has none or cannot be changed; undefined leaves
   * it as it is
   */
  async remember(
    entry: Entry,
    change: (before: IssuanceState | undefined) => IssuanceState | undefined,
    signal?: AbortSignal,
  ): Promise<void> {
    const wait = { waitMs: LOCK_WAIT_MS, ...(signal === undefined ? {} : { signal }) };
    let state: IssuanceState | undefined;
    try {
      state = await this.#options.states.update(entry.name, wait, (stored) => change(stored ?? entry.state));
    } catch (error) {
      state = change(entry.state) ?? entry.state;
      if (toLinkgateError(error).code !== 'ERR_STORAGE_LOCKED')
        reportStorageFailure(this.#options.emit, error);
    }
    entry.state = withSharedFingerprint(state, entry.certificate);
  }

  async #read(entry: Entry, names: ReadonlySet<string> | undefined): Promise<void> {
    const { store, states } = this.#options;
    const { name } = entry;
    const hasState = names === undefined || names.has(name) || name.length > LONG_NAME;
    const state = hasState ? await states.read(name) : undefined;
    try {
      const certificate = names === undefined ? await store.read(name) : await store.glance(name);
      if (certificate === undefined) entry.certificate = undefined;
      else this.know(entry, certificate);
    } catch (error) {
      if (!(error instanceof LinkgateError) || isStorageFailure(error)) throw error;
      this.#dropInvalid(entry, error);
    }
    entry.state = withSharedFingerprint(state, entry.certificate);
    entry.isKnown = true;
  }

  /** A certificate that cannot be served counts as none, so another one is ordered at once. */
  #dropInvalid(entry: Entry, { code, message }: LinkgateError): void {
    this.#options.emit('context.failed', { domain: entry.name, code, message });
    entry.certificate = undefined;
  }

  /**
   * The own file of a name cannot be read. The storage works, so no other name waits. Nothing is ordered for this one, because the file may
   * be a certificate that a person imported: the person sees what to do.
   */
  #cannotRead(entry: Entry, error: LinkgateError): void {
    const { name, state = NOTHING_YET } = entry;
    const { code, message } = error;
    const { emit, clock } = this.#options;
    const lastProblem = lastProblemOf(error, clock.now());
    if (state.lastProblem?.detail !== lastProblem.detail)
      emit('context.failed', { domain: name, code, message });
    entry.state = { ...state, failures: Math.max(1, state.failures), lastProblem };
  }

  #readFailed(error: unknown): void {
    reportStorageFailure(this.#options.emit, error);
    this.#pause();
  }

  #pause(): void {
    this.#readAtMs = this.#options.clock.now() + this.#readPauseMs;
    this.#readPauseMs = Math.min(this.#readPauseMs * 2, LONGEST_READ_PAUSE_MS);
  }

  #shared(text: string): string {
    if (!this.#texts.has(text)) this.#texts.set(text, text);
    return this.#texts.get(text) ?? text;
  }
}
