// When a certificate is renewed and how long a failing name pauses. Pure arithmetic on times, for renew.ts and issue.ts;
// nothing here assumes a lifetime, and nothing reads a clock: `nowMs` is the CA's time as well as it is known (ca-clock.ts).

import { createHash } from 'node:crypto';
import type { Random } from '../core/clock.ts';
import type { ChallengeType } from '../core/settings.ts';
import type { IssuanceState, RenewalWindow, StoredCertificate } from './store.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Pauses after the first, second… failure in a row; the last one repeats. */
const PAUSES_MS: readonly number[] = [1, 2, 2, 5, 10, 20, 30, 60, 120, 240, 360].map((n) => n * MINUTE_MS);

/** No pause is longer, whatever a CA asks for. */
export const LONGEST_PAUSE_MS = DAY_MS;

/** Below this a lifetime is short, and half of it is left for whatever may go wrong. */
const SHORT_LIFETIME_MS = 10 * DAY_MS;

/** What the plan for a certificate rests on. */
export type Planned = Pick<StoredCertificate, 'notBeforeMs' | 'notAfterMs' | 'fingerprint'> &
  Partial<Pick<StoredCertificate, 'source'>>;

/**
 * Where in its window a certificate is renewed, in [0, 1): as good as random, and the same in every process on a storage
 * and after every restart, because it comes from the certificate itself.
 */
export const positionOf = (fingerprint: string): number =>
  createHash('sha256').update(fingerprint).digest().readUIntBE(0, 6) / 2 ** 48;

/** One order an hour at most (a twentieth of a short lifetime), even when the CA takes every certificate back at once. */
const shortestGapMs = (lifetimeMs: number): number => Math.min(HOUR_MS, lifetimeMs / 20);

const isWindow = ({ windowStartMs, windowEndMs }: RenewalWindow): boolean =>
  Number.isFinite(windowStartMs) && windowStartMs > 0 && windowStartMs < windowEndMs;

/**
 * When the renewal is wanted:
 * 1. at this certificate's place in the CA's window, but never in the last sixth of the lifetime;
 * 2. without one, just after two thirds of the lifetime, or half of one below ten days.
 */
const wantedMs = (certificate: Planned, window: RenewalWindow | undefined): number => {
  const { notBeforeMs, notAfterMs, fingerprint } = certificate;
  const lifetimeMs = notAfterMs - notBeforeMs;
  const position = positionOf(fingerprint);
  if (window !== undefined && window.fingerprint === fingerprint && isWindow(window)) {
    const { windowStartMs, windowEndMs } = window;
    return Math.min(windowStartMs + position * (windowEndMs - windowStartMs), notAfterMs - lifetimeMs / 6);
  }
  const share = lifetimeMs < SHORT_LIFETIME_MS ? 1 / 2 : 2 / 3;
  return notBeforeMs + lifetimeMs * (share + position / 24);
};

/**
 * Never more than two orders in one lifetime, and never two within {@link shortestGapMs}: a CA that wants every
 * certificate back at once, or a clock that is wrong, cannot make a loop. A lifetime counts from the issue, so the third
 * order is allowed before the second certificate ends.
 */
const allowedMs = (
  { notBeforeMs, notAfterMs }: Planned,
  state: IssuanceState | undefined,
  nowMs: number,
): number => {
  const lastMs = state?.lastIssuedMs ?? 0;
  // A time in the future comes from a clock that was wrong.
  if (lastMs === 0 || lastMs > nowMs) return 0;
  const lifetimeMs = notAfterMs - notBeforeMs;
  // By this clock it was issued long after it began: the clock is wrong, and cannot say when it ends.
  const isDoubtful = lastMs - notBeforeMs > lifetimeMs / 4;
  const usableMs = isDoubtful ? lifetimeMs : Math.min(lifetimeMs, notAfterMs - lastMs);
  const beforeMs = state?.issuedBeforeMs ?? 0;
  return Math.max(
    lastMs + (isDoubtful ? lifetimeMs / 3 : shortestGapMs(usableMs)),
    beforeMs > 0 && beforeMs <= lastMs ? beforeMs + usableMs : 0,
  );
};

/**
 * When to renew a certificate, pauses after failures aside. Never for one that was imported: nobody but its owner
 * replaces it.
 */
export const renewAtMs = (certificate: Planned, state: IssuanceState | undefined, nowMs: number): number =>
  certificate.source === 'import'
    ? Infinity
    : Math.max(wantedMs(certificate, state?.renewal), allowedMs(certificate, state, nowMs));

/**
 * How long a name pauses after its `failures`-th failure in a row: 1, 2, 2, 5 … minutes up to 6 h, drawn out by up to a
 * quarter so that names that failed together do not come back together; at least what the CA asked for; at most a day. While
 * a certificate is `atStake`, a twelfth of its lifetime is enough: one of an hour must not be lost in a pause of twenty minutes.
 */
export const pauseMs = (
  failures: number,
  random: Random,
  {
    retryAfterMs = 0,
    atStake,
    nowMs = 0,
  }: {
    readonly retryAfterMs?: number;
    readonly atStake?: Pick<Planned, 'notBeforeMs' | 'notAfterMs'>;
    readonly nowMs?: number;
  } = {},
): number => {
  const usual = PAUSES_MS[Math.min(Math.max(failures, 1), PAUSES_MS.length) - 1] ?? 0;
  const isAtStake = atStake !== undefined && nowMs < atStake.notAfterMs;
  const base = isAtStake ? Math.min(usual, (atStake.notAfterMs - atStake.notBeforeMs) / 12) : usual;
  const drawnOut = base * (1 + random() / 4);
  return Math.round(Math.min(Math.max(drawnOut, retryAfterMs), LONGEST_PAUSE_MS));
};

/**
 * When the next order for a name is due; `Infinity` for never. A pause that is longer than any can be comes from a clock
 * that was wrong, and counts for nothing.
 */
export const dueMs = (
  certificate: Planned | undefined,
  state: IssuanceState | undefined,
  nowMs: number,
): number => {
  const renewMs = certificate === undefined ? 0 : renewAtMs(certificate, state, nowMs);
  const pausedUntilMs = state === undefined || state.failures === 0 ? 0 : state.nextAttemptMs;
  return Math.max(renewMs, pausedUntilMs > nowMs + LONGEST_PAUSE_MS ? 0 : pausedUntilMs);
};

/** Whether a stored certificate is to be replaced now, whatever pause its name is in. */
export const isRenewalDue = (
  certificate: Planned,
  state: IssuanceState | undefined,
  nowMs: number,
): boolean => renewAtMs(certificate, state, nowMs) <= nowMs;

/** The state after an issue: the two last times are what {@link renewAtMs} counts, `challenge` is what proved the name. */
export const issuedState = (
  state: IssuanceState | undefined,
  { atMs: issuedMs, challenge = state?.challenge }: { atMs: number; challenge?: ChallengeType | undefined },
): IssuanceState => ({
  failures: 0,
  nextAttemptMs: 0,
  lastIssuedMs: issuedMs,
  ...((state?.lastIssuedMs ?? 0) > 0 ? { issuedBeforeMs: state?.lastIssuedMs ?? 0 } : {}),
  ...(challenge === undefined ? {} : { challenge }),
  lastProblem: null,
});

/** When the CA is asked for its wish about a certificate; `Infinity` for never. */
export const askAtMs = (
  { fingerprint, source, notAfterMs }: Planned,
  state: IssuanceState | undefined,
  nowMs: number,
): number => {
  if (source !== 'acme' || notAfterMs <= nowMs) return Infinity;
  const told = state?.renewal;
  if (told === undefined || told.fingerprint !== fingerprint) return 0;
  return told.askAgainMs > nowMs + LONGEST_PAUSE_MS ? 0 : told.askAgainMs;
};
