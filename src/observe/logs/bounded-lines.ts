// Lines of which there may be thousands: the first of a kind is written at once, then at most one in ten seconds, with the number of
// the lines that were left out. The caller decides what a kind is.

import type { Clock } from '../../core/platform/clock.ts';

const QUIET_MS = 10_000;

interface Quiet {
  suppressed: number;
  /** writes the latest line that was left out */
  latest: () => void;
}

export class BoundedLines {
  readonly #clock: Clock;
  readonly #stopped = new AbortController();
  readonly #quiet = new Map<string, Quiet>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param write - gets the number of lines of this kind that were left out since the last one */
  write(kind: string, write: (suppressed: number) => void): void {
    const known = this.#quiet.get(kind);
    if (known === undefined) {
      void this.#keepQuiet(kind);
      write(0);
      return;
    }
    known.suppressed += 1;
    known.latest = () => write(known.suppressed - 1);
  }

  /** Ends every quiet time, and writes the latest line of each kind that was left out. */
  stop(): void {
    this.#stopped.abort();
  }

  async #keepQuiet(kind: string): Promise<void> {
    const quiet: Quiet = { suppressed: 0, latest: () => undefined };
    this.#quiet.set(kind, quiet);
    do {
      quiet.suppressed = 0;
      await this.#clock.sleep(QUIET_MS, this.#stopped.signal);
      if (quiet.suppressed > 0) quiet.latest();
    } while (quiet.suppressed > 0 && !this.#stopped.signal.aborted);
    this.#quiet.delete(kind);
  }
}
