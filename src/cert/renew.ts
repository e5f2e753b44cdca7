// The keeper's loop over the configured names: what has no valid certificate, or one whose renewal has come (plan.ts), is
// ordered; nothing that fails ends the loop. The books are renewal-records.ts, one order is renewal-attempt.ts.

import { setMaxListeners } from 'node:events';
import type { CertificateStatus } from '../core/certificate-state.ts';
import type { Clock } from '../core/clock.ts';
import type { CaClock } from './ca-clock.ts';
import { certificateStatus } from './domain.ts';
import { askAtMs, dueMs } from './plan.ts';
import { createAttempt, type Attempt, type AttemptOptions } from './renewal-attempt.ts';
import { chooseDue, createEntry, MOST_AT_ONCE, NOTHING_YET, type Entry } from './renewal-entry.ts';
import { createRecords, type Records } from './renewal-records.ts';
import type { CertificateStore } from './store.ts';
import { askWish, type AskRenewalInfo } from './wish.ts';

export interface RenewalOptions extends Omit<AttemptOptions, 'records' | 'store' | 'clock'> {
  /** configured names, lower-case A-labels */
  readonly names: readonly string[];
  readonly store: Pick<CertificateStore, 'read' | 'readState' | 'writeState'>;
  /** the CA's time where it is known (ca-clock.ts): `settle` is called before anything is decided by it */
  readonly clock: Clock & Partial<Pick<CaClock, 'learn' | 'settle'>>;
  /** the CA's wish for one of its certificates; undefined when it has none */
  readonly renewalInfo?: AskRenewalInfo;
}

const MOST_ASKED_AT_ONCE = 4;
/** the clock may jump, so a longer sleep is taken in pieces */
const LONGEST_NAP_MS = 60_000;
const STOP_LIMIT_MS = 10_000;

/** Keeps the certificates of all names valid from `start` to `stop`. */
export class Renewal {
  readonly #options: RenewalOptions;
  readonly #records: Records;
  readonly #attempt: Attempt;
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #asking = new Map<string, Promise<void>>();
  #nap = new AbortController();
  #loop: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: RenewalOptions) {
    this.#options = options;
    // Each order in flight listens.
    setMaxListeners(0, this.#stopping.signal);
    this.#records = createRecords(options);
    this.#attempt = createAttempt({ ...options, records: this.#records });
    this.#entries = new Map(options.names.map((name) => [name, createEntry(name)]));
  }

  /** Begins; returns at once. */
  start(): void {
    this.#loop ??= this.#run();
  }

  /** Ends: orders in flight are aborted and waited for, for ten seconds at most. Never rejects. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#stopping.abort(new Error('stopping'));
    this.#nap.abort();
    const settled = new AbortController();
    await Promise.race([
      Promise.allSettled([this.#loop, ...this.#running, ...this.#asking.values()]),
      this.#options.clock.sleep(STOP_LIMIT_MS, settled.signal),
    ]);
    settled.abort();
  }

  /** The storage has something new for a name, put there by another process: reads it and plans anew. */
  reread(name: string): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    if (entry.isRunning) entry.isOutdated = true;
    else entry.isKnown = false;
    this.#records.readSoon();
    this.#nap.abort();
  }

  /** How each name stands, in the order of the configuration. */
  status(): readonly CertificateStatus[] {
    const nowMs = this.#options.clock.now();
    return [...this.#entries.values()].map(({ name, certificate, state }) =>
      certificateStatus({ domain: name, certificate, state, nowMs }),
    );
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#nap = new AbortController();
      await this.#records.readUnknown(this.#unknown(), signal);
      await clock.settle?.(this.#duesNow().length > 0, signal);
      if (signal.aborted) return;
      this.#startDue();
      this.#startAsking();
      // Never without a pause, so that no mistake in a plan can spin.
      await clock.sleep(
        Math.min(Math.max(this.#nextMs() - clock.now(), 10), LONGEST_NAP_MS),
        this.#nap.signal,
      );
    }
  }

  /** When there is something to do again, as far as is known now. */
  #nextMs(): number {
    const nowMs = this.#options.clock.now();
    const isFull = this.#running.size >= MOST_AT_ONCE;
    const isAskingFull = this.#asking.size >= MOST_ASKED_AT_ONCE;
    let nextMs = this.#unknown().length === 0 ? Infinity : this.#records.readAtMs();
    for (const entry of this.#idle()) {
      const dueAtMs = this.#due(entry);
      // What is due and was not started waits for room; whoever makes room ends the nap.
      if (!isFull && dueAtMs > nowMs) nextMs = Math.min(nextMs, dueAtMs);
      if (!isAskingFull) nextMs = Math.min(nextMs, this.#askAt(entry, nowMs));
    }
    return nextMs;
  }

  #due({ certificate, state }: Entry): number {
    return dueMs(certificate, state, this.#options.clock.now());
  }

  #unknown(): readonly Entry[] {
    return [...this.#entries.values()].filter(({ isKnown }) => !isKnown);
  }

  #idle(): readonly Entry[] {
    return [...this.#entries.values()].filter(({ isKnown, isRunning }) => isKnown && !isRunning);
  }

  #duesNow(): readonly Entry[] {
    const nowMs = this.#options.clock.now();
    return this.#idle().filter((entry) => this.#due(entry) <= nowMs);
  }

  /** Starts what is due, as far as there is room. */
  #startDue(): void {
    const running = [...this.#entries.values()].filter(({ isRunning }) => isRunning);
    for (const entry of chooseDue(this.#duesNow(), running)) this.#begin(entry);
  }

  #begin(entry: Entry): void {
    entry.isRunning = true;
    const work = this.#attempt(entry, this.#stopping.signal).finally(() => {
      entry.isRunning = false;
      if (entry.isOutdated) entry.isKnown = false;
      entry.isOutdated = false;
      this.#running.delete(work);
      this.#nap.abort();
    });
    this.#running.add(work);
  }

  #askAt({ name, certificate, state }: Entry, nowMs: number): number {
    const isAsked = this.#options.renewalInfo !== undefined && !this.#asking.has(name);
    return isAsked && certificate !== undefined ? askAtMs(certificate, state, nowMs) : Infinity;
  }

  /** Asks CAs for their wishes, beside everything else: an order never waits for an answer. */
  #startAsking(): void {
    const nowMs = this.#options.clock.now();
    for (const entry of this.#idle()) {
      if (this.#asking.size >= MOST_ASKED_AT_ONCE) return;
      if (this.#askAt(entry, nowMs) > nowMs) continue;
      const work = this.#ask(entry).finally(() => {
        this.#asking.delete(entry.name);
        this.#nap.abort();
      });
      this.#asking.set(entry.name, work);
    }
  }

  async #ask(entry: Entry): Promise<void> {
    const { store, renewalInfo, clock } = this.#options;
    const { signal } = this.#stopping;
    const asked = entry.certificate;
    if (asked === undefined || renewalInfo === undefined) return;
    const { fingerprint } = asked;
    const renewal = await askWish({ store, renewalInfo, clock, signal }, asked, entry.state?.renewal);
    if (renewal === undefined) return this.reread(entry.name);
    // An attempt that began meanwhile writes the state itself.
    if (signal.aborted || entry.isRunning || entry.certificate?.fingerprint !== fingerprint) return;
    await this.#records.remember(entry, { ...(entry.state ?? NOTHING_YET), renewal });
  }
}
