// The time of the CA. Certificates are valid by the world's clock, and the clock of this machine may jump: by an hour when a person
// sets it, by years when a battery dies or a machine continues from a snapshot. Between the clock and the plan of renewals.

import type { Clock } from '../../core/platform/clock.ts';

export interface CaClockOptions {
  readonly clock: Clock;
  /** milliseconds since some fixed moment: never jumps */
  readonly elapsedMs: () => number;
  /** the CA's own time; undefined when it cannot be known. Absent: there is only this machine's clock */
  readonly askTime?: (signal: AbortSignal) => Promise<number | undefined>;
}

export interface CaClock extends Clock {
  /** a certificate of the CA begins at this time: it cannot be earlier now */
  learn(notBeforeMs: number): void;
  /**
   * Asks the CA for its time when this machine's clock jumped, when `mustKnow` and it was never asked, and once a day in any case: a
   * clock that has been years behind since the start never jumps, and then nothing seems due.
   * Never rejects.
   */
  settle(mustKnow: boolean, signal: AbortSignal): Promise<void>;
}

/** a smaller difference is a corrected clock, or the inaccuracy of the CA */
const JUMP_MS = 60_000;
const ASK_AGAIN_MS = 60_000;
/** the first time after the start: a restart needs no CA */
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** CAs may set the beginning of a certificate back, and clocks differ: the time is at most this much before the begin of a certificate */
const TOLERANCE_MS = 5 * 60_000;

/** Starts by trusting this machine's clock. */
export const createCaClock = ({ clock, elapsedMs, askTime }: CaClockOptions): CaClock => {
  let offsetMs = 0;
  let floor = { caMs: 0, elapsedMs: elapsedMs() };
  let last = { wallMs: clock.now(), elapsedMs: elapsedMs() };
  let doubt: 'none' | 'new' | 'jumped' = 'new';
  let askAtElapsedMs = 0;
  let dailyAtElapsedMs = elapsedMs() + HOUR_MS;

  const floorMs = (): number => (floor.caMs === 0 ? 0 : floor.caMs + (elapsedMs() - floor.elapsedMs));

  const checkForJump = (): void => {
    const next = { wallMs: clock.now(), elapsedMs: elapsedMs() };
    const stepMs = next.wallMs - last.wallMs - (next.elapsedMs - last.elapsedMs);
    if (Math.abs(stepMs) > JUMP_MS) doubt = 'jumped';
    last = next;
  };

  return {
    now: () => Math.max(clock.now() - offsetMs, floorMs()),
    sleep: (ms, signal) => clock.sleep(ms, signal),
    learn: (notBeforeMs) => {
      const caMs = notBeforeMs - TOLERANCE_MS;
      if (caMs > floorMs()) floor = { caMs, elapsedMs: elapsedMs() };
    },
    settle: async (mustKnow, signal) => {
      checkForJump();
      const isWanted = doubt === 'jumped' || (doubt === 'new' && mustKnow) || elapsedMs() >= dailyAtElapsedMs;
      if (askTime === undefined || !isWanted || elapsedMs() < askAtElapsedMs) return;
      const caMs = await askTime(signal).catch(() => undefined);
      if (caMs === undefined || !Number.isFinite(caMs)) {
        askAtElapsedMs = elapsedMs() + ASK_AGAIN_MS;
        dailyAtElapsedMs = Math.max(dailyAtElapsedMs, elapsedMs() + HOUR_MS);
        return;
      }
      dailyAtElapsedMs = elapsedMs() + DAY_MS;
      const differenceMs = clock.now() - caMs;
      offsetMs = Math.abs(differenceMs) > JUMP_MS ? differenceMs : 0;
      floor = { caMs: caMs - TOLERANCE_MS, elapsedMs: elapsedMs() };
      doubt = 'none';
      last = { wallMs: clock.now(), elapsedMs: elapsedMs() };
    },
  };
};
