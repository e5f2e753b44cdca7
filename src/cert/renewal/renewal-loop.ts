// The loop of the supervisor over the configured names: it orders for a name without a valid certificate, and for one whose renewal has
// come (plan.ts). One order is attempt.ts, what is known of the names attempt-records.ts, what comes next queue/agenda.ts. No failure
// ends the loop.

import { setMaxListeners } from 'node:events';
import type { CertificateStatus, RenewalFigures } from '../../core/certificate-state.ts';
import type { Clock } from '../../core/platform/clock.ts';
import { withTimeout } from '../../core/platform/deadline.ts';
import type { CaClock } from '../issuers/ca-clock.ts';
import { NOTHING_YET } from '../state/issuance-state.ts';
import type { NameStates } from '../state/name-state.ts';
import type { CertificateStore } from '../state/store.ts';
import { AttemptRecords, MANY } from './attempt-records.ts';
import { createAttempt, type Attempt, type AttemptOptions } from './attempt.ts';
import { certificateStatus } from './certificate-status.ts';
import { renewalFigures } from './figures.ts';
import { askAtMs, dueAtMs } from './plan.ts';
import { pollRenewalInfo, type AskRenewalInfo } from './poll-renewal-info.ts';
import { Agenda } from './queue/agenda.ts';
import { chooseDue, createEntry, type Entry } from './queue/entry.ts';
import { StorageCheck } from './storage-check.ts';

export interface RenewalOptions extends Omit<AttemptOptions, 'records' | 'states' | 'clock'> {
  /** configured names, lower-case A-labels */
  readonly names: readonly string[];
  readonly store: Pick<CertificateStore, 'read' | 'glance' | 'list'>;
  readonly states: Pick<NameStates, 'read' | 'list' | 'update'>;
  /** the CA's time where it is known (cert/issuers/ca-clock.ts): `settle` is called before anything is decided by it */
  readonly clock: Clock & Partial<Pick<CaClock, 'learn' | 'settle'>>;
  readonly renewalInfo?: AskRenewalInfo;
}

const MOST_ASKED_AT_ONCE = 4;
/** the clock may jump, so a longer sleep is taken in pieces */
const LONGEST_NAP_MS = 60_000;
/** while very many names are read, the loop acts so often on those that are read already */
const READING_NAP_MS = 250;
const STOP_LIMIT_MS = 10_000;

/** Keeps the certificates of all names valid from `start` to `stop`. */
export class Renewal {
  readonly #options: RenewalOptions;
  readonly #records: AttemptRecords;
  readonly #attempt: Attempt;
  readonly #agenda: Agenda;
  readonly #check: StorageCheck;
  #entries: ReadonlyMap<string, Entry>;
  /** of #entries: those that have to be read */
  readonly #unknown = new Set<Entry>();
  readonly #stopping = new AbortController();
  /** by name, also of domains that were removed meanwhile */
  readonly #running = new Map<string, { readonly entry: Entry; readonly work: Promise<void> }>();
  readonly #asking = new Map<string, Promise<void>>();
  #reading: Promise<void> | undefined;
  #nap = new AbortController();
  #loop: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: RenewalOptions) {
    const { clock } = options;
    this.#options = options;
    // Each order under way listens to it.
    setMaxListeners(0, this.#stopping.signal);
    this.#records = new AttemptRecords(options);
    this.#attempt = createAttempt({ ...options, records: this.#records });
    this.#entries = new Map(options.names.map((name) => [name, createEntry(name)]));
    for (const entry of this.#entries.values()) this.#unknown.add(entry);
    const entries = (): Iterable<Entry> => this.#entries.values();
    const isIdle = (entry: Entry): boolean => entry.isKnown && !entry.isRunning && this.#has(entry);
    this.#agenda = new Agenda({
      now: () => clock.now(),
      entries,
      isIdle,
      dueAtMs: ({ certificate, state }) => dueAtMs(certificate, state, clock.now()),
      askAtMs: (entry) => this.#askAtMs(entry),
    });
    this.#check = new StorageCheck({
      ...options,
      records: this.#records,
      signal: this.#stopping.signal,
      entries,
      isIdle,
      onGone: (name) => this.reread(name),
      onInvalid: (entry) => {
        this.#agenda.plan(entry);
        this.#nap.abort();
      },
    });
  }

  /** Begins; returns at once. */
  start(): void {
    this.#loop ??= this.#run();
  }

  /** Ends: orders under way are aborted and waited for, for ten seconds at most. Never rejects. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#stopping.abort(new Error('stopping'));
    this.#nap.abort();
    const running = [...this.#running.values()].map(({ work }) => work);
    const ended = [this.#loop, this.#reading, this.#check.settled(), ...running, ...this.#asking.values()];
    const limit = { clock: this.#options.clock, limitMs: STOP_LIMIT_MS, late: () => undefined };
    await withTimeout(Promise.allSettled(ended), limit);
  }

  /** From now on these names: new ones are read and planned for, removed ones are no longer ordered for. */
  configure(names: readonly string[]): void {
    const before = this.#entries;
    const find = (name: string): Entry =>
      // A domain that was removed and is back while its order is under way is still the same.
      before.get(name) ?? this.#running.get(name)?.entry ?? createEntry(name);
    this.#entries = new Map(names.map((name) => [name, find(name)]));
    for (const entry of before.values()) {
      if (this.#has(entry)) continue;
      this.#unknown.delete(entry);
      this.#agenda.remove(entry);
      this.#check.remove(entry);
    }
    for (const entry of this.#entries.values()) {
      if (before.has(entry.name)) continue;
      if (entry.isKnown) this.#agenda.plan(entry);
      else this.#unknown.add(entry);
    }
    this.#records.readSoon();
    this.#nap.abort();
  }

  /** Another process has changed what is stored for a name: reads it and plans again. */
  reread(name: string): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    if (entry.isRunning) entry.isOutdated = true;
    else this.#forget(entry);
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

  /** How all renewals together stand. */
  figures(): RenewalFigures {
    return renewalFigures(this.#entries.values(), this.#options.clock.now());
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#nap = new AbortController();
      await this.#read(signal);
      this.#agenda.comeUp();
      await clock.settle?.(this.#agenda.due.size > 0, signal);
      if (signal.aborted) return;
      this.#agenda.comeUp();
      this.#startDue();
      this.#startAsking();
      this.#check.startAudit();
      // Never without a pause, so that no mistake in a plan can spin.
      await clock.sleep(
        Math.min(Math.max(this.#nextMs() - clock.now(), 10), LONGEST_NAP_MS),
        this.#nap.signal,
      );
    }
  }

  /** The loop waits for it, unless there is so much to read that it has to act meanwhile on what is known. */
  async #read(signal: AbortSignal): Promise<void> {
    const isTime = this.#options.clock.now() >= this.#records.readAtMs();
    if (this.#unknown.size === 0 || this.#reading !== undefined || !isTime) return;
    const onKnown = (entry: Entry, isGlance: boolean): void => {
      this.#unknown.delete(entry);
      if (isGlance) this.#check.add(entry);
      this.#agenda.plan(entry);
    };
    const reading = this.#records.readUnknown([...this.#unknown], signal, onKnown);
    if (this.#unknown.size < MANY) return reading;
    this.#reading = reading.finally(() => {
      this.#reading = undefined;
      this.#check.startInspection();
      this.#nap.abort();
    });
    return undefined;
  }

  /** When there is something to do again, as far as is known now. */
  #nextMs(): number {
    if (this.#reading !== undefined) return this.#options.clock.now() + READING_NAP_MS;
    // An entry that has come up and waits for room is started when an order ends, which ends the nap.
    return Math.min(this.#unknown.size === 0 ? Infinity : this.#records.readAtMs(), this.#agenda.nextMs());
  }

  #has(entry: Entry): boolean {
    return this.#entries.get(entry.name) === entry;
  }

  #askAtMs({ name, certificate, state }: Entry): number {
    const isAsked = this.#options.renewalInfo !== undefined && !this.#asking.has(name);
    return isAsked && certificate !== undefined
      ? askAtMs(certificate, state, this.#options.clock.now())
      : Infinity;
  }

  /** The entry is read again before anything is done about it. */
  #forget(entry: Entry): void {
    entry.isKnown = false;
    this.#agenda.plan(entry);
    if (this.#has(entry)) this.#unknown.add(entry);
  }

  /** Starts orders for what is due, as far as there is room. */
  #startDue(): void {
    const running = [...this.#running.values()].map(({ entry }) => entry);
    for (const entry of chooseDue(this.#agenda.due, running)) this.#begin(entry);
  }

  #begin(entry: Entry): void {
    entry.isRunning = true;
    this.#agenda.plan(entry);
    const work = this.#attempt(entry, this.#stopping.signal).finally(() => {
      this.#running.delete(entry.name);
      entry.isRunning = false;
      if (entry.isOutdated) this.#forget(entry);
      else this.#agenda.plan(entry);
      entry.isOutdated = false;
      this.#nap.abort();
    });
    this.#running.set(entry.name, { entry, work });
  }

  /** Asks CAs for renewal windows next to everything else: no order waits for an answer. */
  #startAsking(): void {
    for (const entry of this.#agenda.toAsk) {
      if (this.#asking.size >= MOST_ASKED_AT_ONCE) return;
      this.#agenda.toAsk.delete(entry);
      const work = this.#ask(entry).finally(() => {
        this.#asking.delete(entry.name);
        this.#agenda.plan(entry);
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
    const renewal = await pollRenewalInfo({ store, renewalInfo, clock, signal }, asked, entry.state?.renewal);
    if (renewal === undefined) return this.reread(entry.name);
    // An attempt that began meanwhile writes the state itself.
    if (signal.aborted || entry.isRunning) return;
    const isSame = (): boolean => entry.certificate?.fingerprint === fingerprint;
    const change = (before = NOTHING_YET) => (isSame() ? { ...before, renewal } : undefined);
    await this.#records.remember(entry, change, signal);
  }
}
