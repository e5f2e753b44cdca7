// The supervisor's loop over the configured names: what has no valid certificate, or one whose renewal has come (plan.ts), is
// ordered; nothing that fails ends the loop. The books are attempt-records.ts, one order is attempt.ts.

import { setMaxListeners } from 'node:events';
import type { CertificateStatus, RenewalFigures } from '../../core/certificate-state.ts';
import type { Clock } from '../../core/platform/clock.ts';
import type { CaClock } from '../issuers/ca-clock.ts';
import { certificateStatus } from './certificate-status.ts';
import { askAtMs, dueMs } from './plan.ts';
import { createAttempt, type Attempt, type AttemptOptions } from './attempt.ts';
import { chooseDue, createEntry, NOTHING_YET, type Entry } from './entry.ts';
import { renewalFigures } from './figures.ts';
import { createRecords, MANY, type Records } from './attempt-records.ts';
import { Schedule } from './schedule.ts';
import type { CertificateStore } from '../state/store.ts';
import { pollRenewalInfo, type AskRenewalInfo } from './poll-renewal-info.ts';

export interface RenewalOptions extends Omit<AttemptOptions, 'records' | 'store' | 'clock'> {
  /** configured names, lower-case A-labels */
  readonly names: readonly string[];
  readonly store: Pick<
    CertificateStore,
    'read' | 'glance' | 'list' | 'listStates' | 'readState' | 'writeState'
  >;
  /** the CA's time where it is known (cert/issuers/ca-clock.ts): `settle` is called before anything is decided by it */
  readonly clock: Clock & Partial<Pick<CaClock, 'learn' | 'settle'>>;
  /** the CA's wish for one of its certificates; undefined when it has none */
  readonly renewalInfo?: AskRenewalInfo;
}

const MOST_ASKED_AT_ONCE = 4;
/** the clock may jump, so a longer sleep is taken in pieces */
const LONGEST_NAP_MS = 60_000;
/** while very many names are read, those that are read already are looked at */
const READING_NAP_MS = 250;
const STOP_LIMIT_MS = 10_000;
/** times depend on the clock in more than one way: all of them are reckoned anew so often, and when it goes back */
const PLAN_ANEW_MS = 3_600_000;
/** so often the storage is looked at for certificates that are gone from it, whoever took them away */
const AUDIT_MS = 3_600_000;
/** between two certificates that were only glanced at and are now checked: a percent of a core */
const INSPECT_PAUSE_MS = 50;

/** Keeps the certificates of all names valid from `start` to `stop`. */
export class Renewal {
  readonly #options: RenewalOptions;
  readonly #records: Records;
  readonly #attempt: Attempt;
  #entries: ReadonlyMap<string, Entry>;
  /** of #entries: those that have to be read */
  readonly #unknown = new Set<Entry>();
  readonly #dues = new Schedule<Entry>({
    get: (entry) => entry.dueQueuedMs,
    set: (entry, atMs) => {
      entry.dueQueuedMs = atMs;
    },
  });
  readonly #asks = new Schedule<Entry>({
    get: (entry) => entry.askQueuedMs,
    set: (entry, atMs) => {
      entry.askQueuedMs = atMs;
    },
  });
  /** have come up and wait for room */
  readonly #due = new Set<Entry>();
  readonly #toAsk = new Set<Entry>();
  /** read by a glance alone */
  readonly #glanced = new Set<Entry>();
  readonly #stopping = new AbortController();
  /** by name, also of those that left the configuration meanwhile */
  readonly #running = new Map<string, { readonly entry: Entry; readonly work: Promise<void> }>();
  readonly #asking = new Map<string, Promise<void>>();
  #reading: Promise<void> | undefined;
  #auditing: Promise<void> | undefined;
  #auditedAtMs: number;
  #plannedAtMs = 0;
  #lastMs = 0;
  #nap = new AbortController();
  #loop: Promise<void> | undefined;
  #inspecting: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: RenewalOptions) {
    this.#options = options;
    // Each order in flight listens.
    setMaxListeners(0, this.#stopping.signal);
    this.#auditedAtMs = options.clock.now();
    this.#records = createRecords(options);
    this.#attempt = createAttempt({ ...options, records: this.#records });
    this.#entries = new Map(options.names.map((name) => [name, createEntry(name)]));
    for (const entry of this.#entries.values()) this.#unknown.add(entry);
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
    const running = [...this.#running.values()].map(({ work }) => work);
    await Promise.race([
      Promise.allSettled([
        this.#loop,
        this.#reading,
        this.#inspecting,
        this.#auditing,
        ...running,
        ...this.#asking.values(),
      ]),
      this.#options.clock.sleep(STOP_LIMIT_MS, settled.signal),
    ]);
    settled.abort();
  }

  /** From now on these names: new ones are read and planned for, those that left are let be. */
  configure(names: readonly string[]): void {
    const before = this.#entries;
    const find = (name: string): Entry =>
      // One that left and came back while its order is under way is still the same.
      before.get(name) ?? this.#running.get(name)?.entry ?? createEntry(name);
    this.#entries = new Map(names.map((name) => [name, find(name)]));
    for (const waiting of [this.#unknown, this.#due, this.#toAsk, this.#glanced]) {
      for (const entry of waiting) if (!this.#has(entry)) waiting.delete(entry);
    }
    for (const entry of this.#entries.values()) {
      if (before.has(entry.name)) continue;
      if (entry.isKnown) this.#plan(entry);
      else this.#unknown.add(entry);
    }
    this.#records.readSoon();
    this.#nap.abort();
  }

  /** The storage has something new for a name, put there by another process: reads it and plans anew. */
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

  /** How their renewals stand together. */
  figures(): RenewalFigures {
    return renewalFigures(this.#entries.values(), this.#options.clock.now());
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#nap = new AbortController();
      await this.#read(signal);
      this.#comeUp();
      await clock.settle?.(this.#due.size > 0, signal);
      if (signal.aborted) return;
      this.#comeUp();
      this.#startDue();
      this.#startAsking();
      this.#startAudit();
      // Never without a pause, so that no mistake in a plan can spin.
      await clock.sleep(
        Math.min(Math.max(this.#nextMs() - clock.now(), 10), LONGEST_NAP_MS),
        this.#nap.signal,
      );
    }
  }

  /** Waited for, unless there is so much to read that what is known has to be acted on meanwhile. */
  async #read(signal: AbortSignal): Promise<void> {
    const isTime = this.#options.clock.now() >= this.#records.readAtMs();
    if (this.#unknown.size === 0 || this.#reading !== undefined || !isTime) return;
    const onKnown = (entry: Entry, isGlance: boolean): void => {
      this.#unknown.delete(entry);
      if (isGlance) this.#glanced.add(entry);
      this.#plan(entry);
    };
    const reading = this.#records.readUnknown([...this.#unknown], signal, onKnown);
    if (this.#unknown.size < MANY) return reading;
    this.#reading = reading.finally(() => {
      this.#reading = undefined;
      this.#inspecting ??= this.#inspect();
      this.#nap.abort();
    });
    return undefined;
  }

  /** When there is something to do again, as far as is known now. */
  #nextMs(): number {
    const nowMs = this.#options.clock.now();
    if (this.#reading !== undefined) return nowMs + READING_NAP_MS;
    // What has come up and was not started waits for room; whoever makes room ends the nap.
    return Math.min(
      this.#unknown.size === 0 ? Infinity : this.#records.readAtMs(),
      this.#dues.nextMs(),
      this.#asks.nextMs(),
    );
  }

  #has(entry: Entry): boolean {
    return this.#entries.get(entry.name) === entry;
  }

  #isIdle(entry: Entry): boolean {
    return entry.isKnown && !entry.isRunning && this.#has(entry);
  }

  #dueAt({ certificate, state }: Entry): number {
    return dueMs(certificate, state, this.#options.clock.now());
  }

  #askAt({ name, certificate, state }: Entry): number {
    const isAsked = this.#options.renewalInfo !== undefined && !this.#asking.has(name);
    return isAsked && certificate !== undefined
      ? askAtMs(certificate, state, this.#options.clock.now())
      : Infinity;
  }

  /** Called whenever something about an entry has changed. */
  #plan(entry: Entry): void {
    this.#due.delete(entry);
    this.#toAsk.delete(entry);
    if (!this.#isIdle(entry)) return;
    this.#dues.put(entry, this.#dueAt(entry));
    this.#asks.put(entry, this.#askAt(entry));
  }

  /** It is read again before anything is done about it. */
  #forget(entry: Entry): void {
    entry.isKnown = false;
    this.#plan(entry);
    if (this.#has(entry)) this.#unknown.add(entry);
  }

  /** Moves what has come up to those that wait for room, and back what the clock has put off. */
  #comeUp(): void {
    const nowMs = this.#options.clock.now();
    if (nowMs < this.#lastMs || Math.abs(nowMs - this.#plannedAtMs) > PLAN_ANEW_MS) {
      this.#plannedAtMs = nowMs;
      this.#dues.clear();
      this.#asks.clear();
      for (const entry of this.#entries.values()) this.#plan(entry);
    }
    this.#lastMs = nowMs;
    for (const entry of this.#dues.take(nowMs)) if (this.#isIdle(entry)) this.#due.add(entry);
    for (const entry of this.#due) if (this.#dueAt(entry) > nowMs) this.#plan(entry);
    for (const entry of this.#asks.take(nowMs)) if (this.#isIdle(entry)) this.#toAsk.add(entry);
    for (const entry of this.#toAsk) if (this.#askAt(entry) > nowMs) this.#plan(entry);
  }

  /** Starts what is due, as far as there is room. */
  #startDue(): void {
    const running = [...this.#running.values()].map(({ entry }) => entry);
    for (const entry of chooseDue(this.#due, running)) this.#begin(entry);
  }

  #begin(entry: Entry): void {
    entry.isRunning = true;
    this.#plan(entry);
    const work = this.#attempt(entry, this.#stopping.signal).finally(() => {
      this.#running.delete(entry.name);
      entry.isRunning = false;
      if (entry.isOutdated) this.#forget(entry);
      else this.#plan(entry);
      entry.isOutdated = false;
      this.#nap.abort();
    });
    this.#running.set(entry.name, { entry, work });
  }

  /** Asks CAs for their wishes, beside everything else: an order never waits for an answer. */
  #startAsking(): void {
    for (const entry of this.#toAsk) {
      if (this.#asking.size >= MOST_ASKED_AT_ONCE) return;
      this.#toAsk.delete(entry);
      const work = this.#ask(entry).finally(() => {
        this.#asking.delete(entry.name);
        this.#plan(entry);
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
    if (signal.aborted || entry.isRunning || entry.certificate?.fingerprint !== fingerprint) return;
    await this.#records.remember(entry, { ...(entry.state ?? NOTHING_YET), renewal });
  }

  #startAudit(): void {
    const nowMs = this.#options.clock.now();
    if (Math.abs(nowMs - this.#auditedAtMs) < AUDIT_MS || this.#auditing !== undefined) return;
    this.#auditedAtMs = nowMs;
    this.#auditing = this.#audit().finally(() => {
      this.#auditing = undefined;
    });
  }

  /** What workers serve from memory alone would be gone with them: it is read again, and so ordered. */
  async #audit(): Promise<void> {
    // A storage that cannot be listed has lost nothing that is known of.
    const stored = await this.#options.store.list().catch(() => undefined);
    if (stored === undefined || this.#stopping.signal.aborted) return;
    const names = new Set(stored);
    for (const { name, certificate } of this.#entries.values()) {
      if (certificate !== undefined && !names.has(name)) this.reread(name);
    }
  }

  /** Checks in the background, one by one, what was only glanced at: one that cannot be served is ordered anew. */
  async #inspect(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    for (const entry of this.#glanced) {
      if (signal.aborted) return;
      this.#glanced.delete(entry);
      if (this.#isIdle(entry) && (await this.#records.inspect(entry))) {
        this.#plan(entry);
        this.#nap.abort();
      }
      await clock.sleep(INSPECT_PAUSE_MS, signal);
    }
    this.#inspecting = undefined;
  }
}
