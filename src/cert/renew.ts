// The keeper's loop over the configured names: what has no valid certificate, or one past two thirds of its lifetime, is
// ordered; what fails pauses; nothing that fails ends the loop. One of the four places that catch everything.

import { setMaxListeners } from 'node:events';
import type { CertificateStatus, LastProblem } from '../core/certificate-state.ts';
import type { Clock, Random } from '../core/clock.ts';
import { GateError, toGateError } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import { certificateStatus, type KnownCertificate } from './domain.ts';
import type { Issue } from './issue.ts';
import { dueMs, pauseMs } from './plan.ts';
import type { CertificateStore, IssuanceState, StoredCertificate } from './store.ts';

export interface RenewalOptions {
  /** configured names, lower-case A-labels */
  readonly names: readonly string[];
  readonly store: CertificateStore;
  readonly issue: Issue;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  /** told after a certificate was stored, so that gates look again; what it throws is dropped */
  readonly onStored: (name: string) => void;
}

interface Entry {
  readonly name: string;
  certificate?: KnownCertificate;
  state?: IssuanceState;
  /** what the storage says of it was read */
  isKnown: boolean;
  isRunning: boolean;
}

const MOST_AT_ONCE = 8;
/** the clock may jump, so a longer sleep is taken in pieces */
const LONGEST_NAP_MS = 60_000;
const STORAGE_PAUSE_MS = 60_000;
const FIRST_READ_PAUSE_MS = 2_000;
const STOP_LIMIT_MS = 10_000;
const NOTHING_YET: IssuanceState = { failures: 0, nextAttemptMs: 0, lastIssuedMs: 0, lastProblem: null };

const withoutSecrets = ({ keyPem: _key, chainPem: _chain, ...known }: StoredCertificate): KnownCertificate =>
  known;

const isStorageCode = ({ code }: GateError): boolean => code.startsWith('ERR_STORAGE_');

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

const problemOf = (error: GateError, atMs: number): LastProblem => {
  const { type, detail, issuer } = error.details;
  const urn = textOf(type);
  return {
    at: new Date(atMs).toISOString(),
    issuer: textOf(issuer) ?? '',
    type: urn?.startsWith('urn:') === true ? urn : error.code,
    detail: textOf(detail) ?? error.message,
    remedy: error.entry.help,
  };
};

const rank = ({ certificate, state }: Entry): readonly [number, number, number] => [
  Math.min(state?.failures ?? 0, 1),
  certificate === undefined ? 1 : 0,
  certificate?.notAfterMs ?? 0,
];

/** Keeps the certificates of all names valid from `start` to `stop`. */
export class Renewal {
  readonly #options: RenewalOptions;
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<void>>();
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
      options.names.map((name) => [name, { name, isKnown: false, isRunning: false } satisfies Entry]),
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
      Promise.allSettled([this.#loop, ...this.#running]),
      this.#options.clock.sleep(STOP_LIMIT_MS, settled.signal),
    ]);
    settled.abort();
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
      await this.#readUnknown();
      this.#nap = new AbortController();
      if (signal.aborted) return;
      this.#startDue();
      const isFull = this.#running.size >= MOST_AT_ONCE;
      const nextMs = isFull ? [] : this.#idle().map((entry) => this.#due(entry));
      const readMs = this.#unknown().length === 0 ? [] : [this.#readAtMs];
      const napMs = Math.min(...nextMs, ...readMs) - clock.now();
      // Never without a pause, so that no mistake in a plan can spin.
      await clock.sleep(Math.min(Math.max(napMs, 10), LONGEST_NAP_MS), this.#nap.signal);
    }
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
      if (state !== undefined) entry.state = state;
      const certificate = await store.read(entry.name);
      if (certificate !== undefined) entry.certificate = withoutSecrets(certificate);
    } catch (error) {
      if (!(error instanceof GateError) || isStorageCode(error)) throw error;
      // It is ordered anew, at once.
      emit('context.failed', { domain: entry.name, code: error.code, message: error.message });
    }
    entry.isKnown = true;
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

  /**
   * Starts what is due, as far as there is room.
   * 1. Names that have not failed go before those that have, so that a failing one starves nobody.
   * 2. Renewals go before first issues: somebody's links depend on them already.
   * 3. What ends sooner goes first.
   */
  #startDue(): void {
    const { clock } = this.#options;
    const room = MOST_AT_ONCE - this.#running.size;
    if (room <= 0) return;
    const nowMs = clock.now();
    const due = this.#idle()
      .filter((entry) => this.#due(entry) <= nowMs)
      .map((entry) => ({ entry, rank: rank(entry) }))
      .toSorted((a, b) => a.rank[0] - b.rank[0] || a.rank[1] - b.rank[1] || a.rank[2] - b.rank[2]);
    for (const { entry } of due.slice(0, room)) {
      entry.isRunning = true;
      const work = this.#attempt(entry).finally(() => {
        entry.isRunning = false;
        this.#running.delete(work);
        this.#nap.abort();
      });
      this.#running.add(work);
    }
  }

  async #attempt(entry: Entry): Promise<void> {
    const { issue, clock } = this.#options;
    const { signal } = this.#stopping;
    try {
      const { certificate, isNew } = await issue(entry.name, signal);
      entry.certificate = withoutSecrets(certificate);
      const lastIssuedMs = isNew ? clock.now() : (entry.state?.lastIssuedMs ?? 0);
      await this.#remember(entry, { ...NOTHING_YET, lastIssuedMs });
      this.#tellStored(entry.name);
    } catch (error) {
      if (!signal.aborted) await this.#failed(entry, toGateError(error));
    }
  }

  async #failed(entry: Entry, error: GateError): Promise<void> {
    const { clock, random, emit } = this.#options;
    const before = entry.state ?? NOTHING_YET;
    const nowMs = clock.now();
    const retryAfterMs = error.details['retryAfterMs'];
    const isStorage = isStorageCode(error);
    // A storage that fails, or a name that another process works on, says nothing about the name: no growing pause.
    const failures = isStorage ? Math.max(before.failures, 1) : before.failures + 1;
    const waitMs = isStorage
      ? STORAGE_PAUSE_MS
      : pauseMs(failures, random, typeof retryAfterMs === 'number' ? retryAfterMs : 0);
    const lastProblem = problemOf(error, nowMs);
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
