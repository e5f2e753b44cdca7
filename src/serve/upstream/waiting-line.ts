// The requests that wait for a connection, in order, and which connects each of them counts on. Opens no connection; pool.ts does.

import type { Attempt } from './attempt.ts';

/** One request that waits. */
export interface Waiting {
  readonly attempt: Attempt;
  readonly sinceMs: number;
  /** takes no connection that was used before */
  readonly needsFresh: boolean;
  /** no connect was begun for it when it came */
  isQueued: boolean;
  /** number of the last connect it counts on; undefined: one is to be made for it */
  until: number | undefined;
  /** its own connect failed: it counts on those that others had begun by then */
  isLastChance: boolean;
}

export class WaitingLine {
  readonly #all: Waiting[] = [];

  get size(): number {
    return this.#all.length;
  }

  /** how many wait for more than a connect of their own */
  get queued(): number {
    return this.#all.reduce((sum, { isQueued }) => sum + (isQueued ? 1 : 0), 0);
  }

  add(attempt: Attempt, sinceMs: number, first: { needsFresh: boolean } | undefined): Waiting {
    const one: Waiting = {
      attempt,
      sinceMs,
      needsFresh: first?.needsFresh === true,
      isQueued: false,
      until: undefined,
      isLastChance: false,
    };
    if (first === undefined) this.#all.push(one);
    else this.#all.unshift(one);
    return one;
  }

  remove(one: Waiting): void {
    const at = this.#all.indexOf(one);
    if (at >= 0) this.#all.splice(at, 1);
  }

  find(attempt: Attempt): Waiting | undefined {
    return this.#all.find((one) => one.attempt === attempt);
  }

  /** The first that can take a connection; a new one goes to those first that need one. */
  nextFor(isFresh: boolean): Waiting | undefined {
    const needing = isFresh ? this.#all.find(({ needsFresh }) => needsFresh) : undefined;
    return needing ?? this.#all.find(({ needsFresh }) => !needsFresh);
  }

  /** A copy, in order. */
  all(): readonly Waiting[] {
    return [...this.#all];
  }

  /** The first for which a connect is to be made. */
  firstWithout(): Waiting | undefined {
    return this.#all.find(({ until }) => until === undefined);
  }
}
