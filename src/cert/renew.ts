// The keeper's loop over the configured names: what has no valid certificate, or one whose renewal has come (plan.ts), is
// ordered; what fails pauses; nothing that fails ends the loop. One of the four places that catch everything.

import { setMaxListeners } from 'node:events';
import type { CertificateStatus } from '../core/certificate-state.ts';
import type { Clock, Random } from '../core/clock.ts';
import { GateError, toGateError } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import type { CaClock } from './ca-clock.ts';
import { certificateStatus, type KnownCertificate } from './domain.ts';
import type { Issue } from './issue.ts';
import { lastProblemOf } from './last-problem.ts';
import { askAtMs, dueMs, issuedState, pauseMs } from './plan.ts';
import type { CertificateStore, IssuanceState, StoredCertificate } from './store.ts';
import { askWish, type AskRenewalInfo } from './wish.ts';

export interface RenewalOptions {
  /** configured names, lower-case A-labels */
  readonly names: readonly string[];
  readonly store: Pick<CertificateStore, 'read' | 'readState' | 'writeState'>;
  readonly issue: Issue;
  /** the CA's time where it is known (ca-clock.ts): `settle` is called before anything is decided by it */
  readonly clock: Clock & Partial<Pick<CaClock, 'learn' | 'settle'>>;
  readonly random: Random;
  readonly emit: Emit;
  /** told after a certificate was stored, so that gates look again; what it throws is dropped */
  readonly onStored: (name: string) => void;
  /** the CA's wish for one of its certificates; undefined when it has none */
  readonly renewalInfo?: AskRenewalInfo;
  /** looks whether an order can succeed; undefined when nothing speaks against it. Never rejects. */
  readonly look?: (name: string, signal: AbortSignal) => Promise<GateError | undefined>;
}

interface Entry {
  readonly name: string;
  certificate?: KnownCertificate;
  state?: IssuanceState;
  /** what the storage says of it was read */
  isKnown: boolean;
  isRunning: boolean;
  /** the storage changed while an attempt was under way: it is read once more */
  isOutdated: boolean;
}

const MOST_AT_ONCE = 8;
/** of them: names that failed the last time, and first issues; so that room is left for the others */
const MOST_FAILED_AT_ONCE = 4;
const MOST_FIRST_AT_ONCE = 6;
const MOST_ASKED_AT_ONCE = 4;
/** the clock may jump, so a longer sleep is taken in pieces */
const LONGEST_NAP_MS = 60_000;
const STORAGE_PAUSE_MS = 60_000;
/** names that do not point here or that no CA may serve are looked at again so often */
const LOOK_PAUSE_MS = 3 * 60_000;
const FIRST_READ_PAUSE_MS = 2_000;
const STOP_LIMIT_MS = 10_000;
const NOTHING_YET: IssuanceState = { failures: 0, nextAttemptMs: 0, lastIssuedMs: 0, lastProblem: null };

const withoutSecrets = ({ keyPem: _key, chainPem: _chain, ...known }: StoredCertificate): KnownCertificate =>
  known;

const isStorageCode = ({ code }: GateError): boolean => code.startsWith('ERR_STORAGE_');

const hasFailed = ({ state }: Entry): boolean => (state?.failures ?? 0) > 0;

const rank = (entry: Entry): readonly [number, number, number] => [
  entry.certificate === undefined ? 1 : 0,
  hasFailed(entry) ? 1 : 0,
  entry.certificate?.notAfterMs ?? 0,
];

/** Keeps the certificates of all names valid from `start` to `stop`. */
export class Renewal {
  readonly #options: RenewalOptions;
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #asking = new Map<string, Promise<void>>();
  #nap = new AbortController();
  #loop: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;
  #readAtMs = 0;
  #readPauseMs = FIRST_READ_PAUSE_MS;

  constructor(options: RenewalOptions) {
    this.#options = options;
    // Each order in flight listens.
    setMaxListeners(0, this.#stopping.signal);
    this.#entries = new Map(
      options.names.map((name) => [
        name,
        { name, isKnown: false, isRunning: false, isOutdated: false } satisfies Entry,
      ]),
    );
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
    this.#readAtMs = 0;
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
      await this.#readUnknown();
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
    let nextMs = this.#unknown().length === 0 ? Infinity : this.#readAtMs;
    for (const entry of this.#idle()) {
      const dueAtMs = this.#due(entry);
      // What is due and was not started waits for room; whoever makes room ends the nap.
      if (!isFull && dueAtMs > nowMs) nextMs = Math.min(nextMs, dueAtMs);
      if (!isAskingFull) nextMs = Math.min(nextMs, this.#askAt(entry, nowMs));
    }
    return nextMs;
  }

  /**
   * Reads what the storage knows of the names it was not read for yet: nothing can be decided about them before. Those
   * that cannot be read are left for later and do not hold up the others.
   */
  async #readUnknown(): Promise<void> {
    const { clock } = this.#options;
    const unknown = this.#unknown();
    if (unknown.length === 0 || clock.now() < this.#readAtMs) return;
    const queue = unknown.values();
    const failures: GateError[] = [];
    let successes = 0;
    const reader = async (): Promise<void> => {
      for (const entry of queue) {
        const isDown = successes === 0 && failures.length >= MOST_AT_ONCE;
        if (this.#stopping.signal.aborted || isDown) return;
        try {
          await this.#read(entry);
          successes += 1;
        } catch (error) {
          failures.push(toGateError(error, 'ERR_STORAGE_UNAVAILABLE'));
        }
      }
    };
    await Promise.all(Array.from({ length: MOST_AT_ONCE }, reader));
    if (failures[0] === undefined) return;
    this.#tellStorage(failures[0]);
    this.#readAtMs = clock.now() + this.#readPauseMs;
    this.#readPauseMs = Math.min(this.#readPauseMs * 2, STORAGE_PAUSE_MS);
  }

  async #read(entry: Entry): Promise<void> {
    const { store, emit } = this.#options;
    try {
      const state = await store.readState(entry.name);
      if (state === undefined) delete entry.state;
      else entry.state = state;
      const certificate = await store.read(entry.name);
      if (certificate === undefined) delete entry.certificate;
      else this.#know(entry, certificate);
    } catch (error) {
      if (!(error instanceof GateError) || isStorageCode(error)) throw error;
      // It is ordered anew, at once.
      emit('context.failed', { domain: entry.name, code: error.code, message: error.message });
    }
    entry.isKnown = true;
  }

  #know(entry: Entry, certificate: StoredCertificate): void {
    entry.certificate = withoutSecrets(certificate);
    // Only a CA's word is better than this machine's clock.
    if (certificate.source === 'acme') this.#options.clock.learn?.(certificate.notBeforeMs);
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

  /**
   * Starts what is due, as far as there is room.
   * 1. Renewals go before first issues: somebody's links depend on them already.
   * 2. Names that have not failed go before those that have.
   * 3. What ends sooner goes first.
   * Names that failed, and first issues, never take all the room, so that neither starves anybody.
   */
  #startDue(): void {
    const due = this.#duesNow()
      .map((entry) => ({ entry, rank: rank(entry) }))
      .toSorted((a, b) => a.rank[0] - b.rank[0] || a.rank[1] - b.rank[1] || a.rank[2] - b.rank[2]);
    const running = [...this.#entries.values()].filter(({ isRunning }) => isRunning);
    let failed = running.filter(hasFailed).length;
    let first = running.filter(({ certificate }) => certificate === undefined).length;
    for (const { entry } of due) {
      if (this.#running.size >= MOST_AT_ONCE) return;
      const [isFailed, isFirst] = [hasFailed(entry), entry.certificate === undefined];
      if ((isFailed && failed >= MOST_FAILED_AT_ONCE) || (isFirst && first >= MOST_FIRST_AT_ONCE)) continue;
      failed += isFailed ? 1 : 0;
      first += isFirst ? 1 : 0;
      this.#begin(entry);
    }
  }

  #begin(entry: Entry): void {
    entry.isRunning = true;
    const work = this.#attempt(entry).finally(() => {
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
    await this.#remember(entry, { ...(entry.state ?? NOTHING_YET), renewal });
  }

  async #attempt(entry: Entry): Promise<void> {
    const { issue, clock } = this.#options;
    const { signal } = this.#stopping;
    try {
      await this.#lookFirst(entry, signal);
      // A certificate that cannot be stored is an order in vain: after such a failure a write goes first.
      if (entry.state?.lastProblem?.type.startsWith('ERR_STORAGE_') === true) {
        await this.#options.store.writeState(entry.name, entry.state);
      }
      const { certificate, isNew } = await issue(entry.name, signal);
      this.#know(entry, certificate);
      const before = entry.state;
      // One that another process stored has its state in the storage.
      const stored = isNew ? undefined : await this.#options.store.readState(entry.name);
      await this.#remember(
        entry,
        isNew ? issuedState(before, clock.now()) : { ...(stored ?? before ?? NOTHING_YET), failures: 0 },
      );
      this.#tellStored(entry.name);
    } catch (error) {
      if (!signal.aborted) await this.#failed(entry, toGateError(error));
    }
  }

  /** On first issue an order that cannot succeed is not placed; on renewal the CA has the last word. */
  async #lookFirst(entry: Entry, signal: AbortSignal): Promise<void> {
    const found = await this.#options.look?.(entry.name, signal);
    if (found === undefined) return;
    if (entry.certificate === undefined) throw found;
    this.#options.emit('certificate.doubted', {
      domain: entry.name,
      code: found.code,
      detail: found.message,
    });
  }

  async #failed(entry: Entry, error: GateError): Promise<void> {
    const { clock, random, emit } = this.#options;
    const before = entry.state ?? NOTHING_YET;
    const nowMs = clock.now();
    const retryAfterMs = error.details['retryAfterMs'];
    const isStorage = isStorageCode(error);
    // A storage that fails, or a name that another process works on, says nothing about the name: no growing pause.
    const isLook = error.code === 'ERR_CERT_NAME_UNREADY';
    const failures = isStorage || isLook ? Math.max(before.failures, 1) : before.failures + 1;
    const flatMs = isStorage ? STORAGE_PAUSE_MS : LOOK_PAUSE_MS;
    const waitMs =
      isStorage || isLook
        ? Math.round(flatMs * (1 + random() / 4))
        : pauseMs(failures, random, typeof retryAfterMs === 'number' ? retryAfterMs : 0);
    const lastProblem = lastProblemOf(error, nowMs);
    const nextAttemptMs = nowMs + waitMs;
    if (error.code === 'ERR_STORAGE_UNAVAILABLE') this.#tellStorage(error);
    emit('certificate.failed', {
      domain: entry.name,
      issuer: lastProblem.issuer,
      code: error.code,
      detail: lastProblem.detail,
      nextAttemptMs,
    });
    await this.#remember(entry, { ...before, failures, nextAttemptMs, lastProblem });
  }

  /** Keeps the state in memory whatever happens, and in the storage when that works. */
  async #remember(entry: Entry, state: IssuanceState): Promise<void> {
    entry.state = state;
    try {
      await this.#options.store.writeState(entry.name, state);
    } catch (error) {
      this.#tellStorage(toGateError(error, 'ERR_STORAGE_UNAVAILABLE'));
    }
  }

  #tellStorage({ code, message }: GateError): void {
    this.#options.emit('storage.failed', { code, message });
  }

  #tellStored(name: string): void {
    try {
      this.#options.onStored(name);
    } catch {
      // Gates look by themselves every few minutes.
    }
  }
}
