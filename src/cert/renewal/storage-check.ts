// Two slow checks of what the renewal loop believes: whether the storage still has each certificate, and whether certificates that were
// only glanced at can be served. They run in the background of the loop and order nothing.

import type { Clock } from '../../core/platform/clock.ts';
import type { CertificateStore } from '../state/store.ts';
import type { AttemptRecords } from './attempt-records.ts';
import type { Entry } from './queue/entry.ts';

export interface StorageCheckOptions {
  readonly store: Pick<CertificateStore, 'list'>;
  readonly records: Pick<AttemptRecords, 'inspect'>;
  readonly clock: Clock;
  /** ends the checks */
  readonly signal: AbortSignal;
  readonly entries: () => Iterable<Entry>;
  readonly isIdle: (entry: Entry) => boolean;
  /** the storage has no certificate for a name any more */
  readonly onGone: (name: string) => void;
  /** a certificate cannot be served: the name now has none */
  readonly onInvalid: (entry: Entry) => void;
}

/** so often the storage is listed for certificates that somebody removed */
const AUDIT_MS = 3_600_000;
/** between two certificates that are inspected: a percent of a core */
const INSPECT_PAUSE_MS = 50;

export class StorageCheck {
  readonly #options: StorageCheckOptions;
  readonly #glanced = new Set<Entry>();
  #inspecting: Promise<void> | undefined;
  #auditing: Promise<void> | undefined;
  #auditedAtMs: number;

  constructor(options: StorageCheckOptions) {
    this.#options = options;
    this.#auditedAtMs = options.clock.now();
  }

  /** The certificate of this entry was only glanced at. */
  add(entry: Entry): void {
    this.#glanced.add(entry);
  }

  remove(entry: Entry): void {
    this.#glanced.delete(entry);
  }

  /** Inspects what was added, one by one; returns at once. */
  startInspection(): void {
    this.#inspecting ??= this.#inspect();
  }

  /** Audits the storage when an hour has passed since the last time; returns at once. */
  startAudit(): void {
    const nowMs = this.#options.clock.now();
    if (Math.abs(nowMs - this.#auditedAtMs) < AUDIT_MS || this.#auditing !== undefined) return;
    this.#auditedAtMs = nowMs;
    this.#auditing = this.#audit().finally(() => {
      this.#auditing = undefined;
    });
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.#inspecting, this.#auditing]);
  }

  /** A certificate that workers serve from memory alone would be gone with them: it is read again, and so ordered. */
  async #audit(): Promise<void> {
    const { store, signal, entries, onGone } = this.#options;
    // A storage that cannot be listed tells nothing about what is gone.
    const stored = await store.list().catch(() => undefined);
    if (stored === undefined || signal.aborted) return;
    const names = new Set(stored);
    for (const { name, certificate } of entries()) {
      if (certificate !== undefined && !names.has(name)) onGone(name);
    }
  }

  async #inspect(): Promise<void> {
    const { records, clock, signal, isIdle, onInvalid } = this.#options;
    for (const entry of this.#glanced) {
      if (signal.aborted) return;
      this.#glanced.delete(entry);
      if (isIdle(entry) && (await records.inspect(entry))) onInvalid(entry);
      await clock.sleep(INSPECT_PAUSE_MS, signal);
    }
    this.#inspecting = undefined;
  }
}
