// What the renewal loop has to do next: the names that are due for an order, and those whose CA is to be asked for a renewal window. It
// keeps the times of all names; renewal-loop.ts starts what comes up.

import type { Entry } from './entry.ts';
import { Schedule } from './schedule.ts';

export interface AgendaOptions {
  readonly now: () => number;
  /** every entry that there is */
  readonly entries: () => Iterable<Entry>;
  /** an entry that is not idle is planned again when it is */
  readonly isIdle: (entry: Entry) => boolean;
  /** when an order is due, and when the CA is asked; `Infinity` for never */
  readonly dueAtMs: (entry: Entry) => number;
  readonly askAtMs: (entry: Entry) => number;
}

/** times depend on the clock in more than one way: all of them are computed again so often, and when the clock goes back */
const REPLAN_MS = 3_600_000;

export class Agenda {
  /** entries that have come up and wait for room */
  readonly due = new Set<Entry>();
  readonly toAsk = new Set<Entry>();
  readonly #options: AgendaOptions;
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
  #plannedAtMs = 0;
  #lastMs = 0;

  constructor(options: AgendaOptions) {
    this.#options = options;
  }

  /** Called whenever something about an entry has changed. */
  plan(entry: Entry): void {
    this.remove(entry);
    if (!this.#options.isIdle(entry)) return;
    this.#dues.put(entry, this.#options.dueAtMs(entry));
    this.#asks.put(entry, this.#options.askAtMs(entry));
  }

  /** The entry waits for nothing now. */
  remove(entry: Entry): void {
    this.due.delete(entry);
    this.toAsk.delete(entry);
  }

  /** Moves what has come up to `due` and `toAsk`, and what the clock has put off back. */
  comeUp(): void {
    const { isIdle, dueAtMs, askAtMs } = this.#options;
    const nowMs = this.#options.now();
    if (nowMs < this.#lastMs || Math.abs(nowMs - this.#plannedAtMs) > REPLAN_MS) {
      this.#plannedAtMs = nowMs;
      this.#dues.clear();
      this.#asks.clear();
      for (const entry of this.#options.entries()) this.plan(entry);
    }
    this.#lastMs = nowMs;
    for (const entry of this.#dues.take(nowMs)) if (isIdle(entry)) this.due.add(entry);
    for (const entry of this.due) if (dueAtMs(entry) > nowMs) this.plan(entry);
    for (const entry of this.#asks.take(nowMs)) if (isIdle(entry)) this.toAsk.add(entry);
    for (const entry of this.toAsk) if (askAtMs(entry) > nowMs) this.plan(entry);
  }

  /** When the next entry comes up; what waits for room already does not count. */
  nextMs(): number {
    return Math.min(this.#dues.nextMs(), this.#asks.nextMs());
  }
}
