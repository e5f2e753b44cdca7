// One configured name as the renewal loop knows it, and which of the names that are due go first. Pure; renewal-loop.ts keeps the
// entries.

import type { IssuanceState } from '../../state/issuance-state.ts';
import type { KnownCertificate } from '../../state/store.ts';

export interface Entry {
  readonly name: string;
  certificate: KnownCertificate | undefined;
  state: IssuanceState | undefined;
  /** whether certificate and state were read from the storage */
  isKnown: boolean;
  isRunning: boolean;
  /** the storage changed while an attempt was under way: the entry is read again */
  isOutdated: boolean;
  /** when the entry comes up for an order, and for a question to the CA (schedule.ts) */
  dueQueuedMs: number;
  askQueuedMs: number;
}

export const MOST_AT_ONCE = 8;
/** of them, names that failed the last time, and first issues: the rest is left for the others */
const MOST_FAILED_AT_ONCE = 4;
const MOST_FIRST_AT_ONCE = 6;

export const createEntry = (name: string): Entry => ({
  name,
  // Every key is always there: a hundred thousand entries are small as long as they have one shape.
  certificate: undefined,
  state: undefined,
  isKnown: false,
  isRunning: false,
  isOutdated: false,
  dueQueuedMs: Infinity,
  askQueuedMs: Infinity,
});

const hasFailed = ({ state }: Entry): boolean => (state?.failures ?? 0) > 0;
const isFirst = ({ certificate }: Entry): boolean => certificate === undefined;

/** Class 0 goes first; ends are compared only within a class. */
const classOf = (entry: Entry): number => (isFirst(entry) ? 2 : 0) + (hasFailed(entry) ? 1 : 0);

const endOf = ({ certificate }: Entry): number => certificate?.notAfterMs ?? 0;

/** The first few of each class, soonest end first, in one pass: a hundred thousand may be due at once. */
const ranked = (due: Iterable<Entry>): readonly Entry[] => {
  const classes: Entry[][] = [[], [], [], []];
  for (const entry of due) {
    const best = classes[classOf(entry)] ?? [];
    const last = best.at(-1);
    if (best.length >= MOST_AT_ONCE && last !== undefined && endOf(last) <= endOf(entry)) continue;
    const at = best.findIndex((other) => endOf(other) > endOf(entry));
    best.splice(at < 0 ? best.length : at, 0, entry);
    best.length = Math.min(best.length, MOST_AT_ONCE);
  }
  return classes.flat();
};

/**
 * The names to start of those that are due, as far as `running` leaves room.
 * 1. Renewals go before first issues: links in use depend on them.
 * 2. Names that have not failed go before those that have.
 * 3. What ends sooner goes first.
 * Names that failed, and first issues, never take all the room: neither keeps the others waiting.
 */
export const chooseDue = (due: Iterable<Entry>, running: readonly Entry[]): readonly Entry[] => {
  let failed = running.filter(hasFailed).length;
  let first = running.filter(isFirst).length;
  const chosen: Entry[] = [];
  for (const entry of ranked(due)) {
    if (running.length + chosen.length >= MOST_AT_ONCE) break;
    if (hasFailed(entry) && failed >= MOST_FAILED_AT_ONCE) continue;
    if (isFirst(entry) && first >= MOST_FIRST_AT_ONCE) continue;
    failed += hasFailed(entry) ? 1 : 0;
    first += isFirst(entry) ? 1 : 0;
    chosen.push(entry);
  }
  return chosen;
};
