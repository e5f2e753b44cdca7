// When a certificate is renewed and how long a failing name pauses. Pure arithmetic on times, for renew.ts and issue.ts;
// nothing here assumes a lifetime.

import type { Random } from '../core/clock.ts';
import type { CertificateFacts } from './certificate.ts';
import type { IssuanceState } from './store.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Pauses after the first, second… failure in a row; the last one repeats. */
const PAUSES_MS: readonly number[] = [1, 2, 2, 5, 10, 20, 30, 60, 120, 240, 360].map((n) => n * MINUTE_MS);

/** No pause is longer, whatever a CA asks for. */
export const LONGEST_PAUSE_MS = DAY_MS;

type Validity = Pick<CertificateFacts, 'notBeforeMs' | 'notAfterMs'>;

/**
 * When to renew: at two thirds of the lifetime, but never sooner than a third of it after the last one was issued, so
 * that a clock far ahead does not order one certificate after another.
 * @param lastIssuedMs - from the state of the name; 0 when unknown
 */
export const renewAtMs = ({ notBeforeMs, notAfterMs }: Validity, lastIssuedMs = 0): number => {
  const lifetimeMs = notAfterMs - notBeforeMs;
  return Math.max(notBeforeMs + (lifetimeMs * 2) / 3, lastIssuedMs + lifetimeMs / 3);
};

/**
 * How long a name pauses after its `failures`-th failure in a row: 1, 2, 2, 5 … minutes up to 6 h, drawn out by up to a
 * quarter so that names that failed together do not come back together; at least what the CA asked for; at most a day.
 */
export const pauseMs = (failures: number, random: Random, retryAfterMs = 0): number => {
  const base = PAUSES_MS[Math.min(Math.max(failures, 1), PAUSES_MS.length) - 1] ?? 0;
  const drawnOut = base * (1 + random() / 4);
  return Math.round(Math.min(Math.max(drawnOut, retryAfterMs), LONGEST_PAUSE_MS));
};

/**
 * When the next order for a name is due. A time in the state that cannot be (issued in the future, a pause longer than
 * any) comes from a clock that was wrong, and counts for nothing.
 */
export const dueMs = (
  certificate: Validity | undefined,
  state: IssuanceState | undefined,
  nowMs: number,
): number => {
  const lastIssuedMs = state?.lastIssuedMs ?? 0;
  const wantedMs =
    certificate === undefined ? 0 : renewAtMs(certificate, lastIssuedMs > nowMs ? 0 : lastIssuedMs);
  const pausedUntilMs = state === undefined || state.failures === 0 ? 0 : state.nextAttemptMs;
  return Math.max(wantedMs, pausedUntilMs > nowMs + LONGEST_PAUSE_MS ? 0 : pausedUntilMs);
};

/** Whether a stored certificate is to be replaced now, whatever pause its name is in. */
export const isRenewalDue = (
  certificate: Validity,
  state: IssuanceState | undefined,
  nowMs: number,
): boolean => dueMs(certificate, state === undefined ? undefined : { ...state, failures: 0 }, nowMs) <= nowMs;
