// One configured name as the renewal loop knows it, and which of those that are due go first. Pure; renew.ts keeps them.

import type { KnownCertificate } from './domain.ts';
import type { IssuanceState } from './store.ts';

export interface Entry {
  readonly name: string;
  certificate?: KnownCertificate;
  state?: IssuanceState;
  /** what the storage says of it was read */
  isKnown: boolean;
  isRunning: boolean;
  /** the storage changed while an attempt was under way: it is read once more */
  isOutdated: boolean;
}

export const NOTHING_YET: IssuanceState = {
  failures: 0,
  nextAttemptMs: 0,
  lastIssuedMs: 0,
  lastProblem: null,
};

export const MOST_AT_ONCE = 8;
/** of them: names that failed the last time, and first issues; so that room is left for the others */
const MOST_FAILED_AT_ONCE = 4;
const MOST_FIRST_AT_ONCE = 6;

export const createEntry = (name: string): Entry => ({
  name,
  isKnown: false,
  isRunning: false,
  isOutdated: false,
});

const hasFailed = ({ state }: Entry): boolean => (state?.failures ?? 0) > 0;
const isFirst = ({ certificate }: Entry): boolean => certificate === undefined;

const rank = (entry: Entry): readonly [number, number, number] => [
  isFirst(entry) ? 1 : 0,
  hasFailed(entry) ? 1 : 0,
  entry.certificate?.notAfterMs ?? 0,
];

/**
 * What is started of what is due, as far as there is room beside `running`.
 * 1. Renewals go before first issues: somebody's links depend on them already.
 * 2. Names that have not failed go before those that have.
 * 3. What ends sooner goes first.
 * Names that failed, and first issues, never take all the room, so that neither starves anybody.
 */
export const chooseDue = (due: readonly Entry[], running: readonly Entry[]): readonly Entry[] => {
  const ranked = due
    .map((entry) => ({ entry, rank: rank(entry) }))
    .toSorted((a, b) => a.rank[0] - b.rank[0] || a.rank[1] - b.rank[1] || a.rank[2] - b.rank[2]);
  let failed = running.filter(hasFailed).length;
  let first = running.filter(isFirst).length;
  const chosen: Entry[] = [];
  for (const { entry } of ranked) {
    if (running.length + chosen.length >= MOST_AT_ONCE) break;
    if (hasFailed(entry) && failed >= MOST_FAILED_AT_ONCE) continue;
    if (isFirst(entry) && first >= MOST_FIRST_AT_ONCE) continue;
    failed += hasFailed(entry) ? 1 : 0;
    first += isFirst(entry) ? 1 : 0;
    chosen.push(entry);
  }
  return chosen;
};
