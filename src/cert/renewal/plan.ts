// When a certificate is renewed and how long a failing name pauses. Pure arithmetic on times, for renewal-loop.ts and issue.ts;
// nothing here assumes a lifetime, and nothing reads a clock: `nowMs` is the CA's time as well as it is known (cert/issuers/ca-clock.ts).

import { createHash } from 'node:crypto';
import type { Random } from '../../core/platform/clock.ts';
import type { ChallengeType } from '../../core/settings.ts';
import { LONGEST_PAUSE_MS } from '../issuers/issuer.ts';
import type { IssuanceState, RenewalWindow, StoredCertificate } from '../state/store.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;

/** Pauses after the first, second… failure in a row; the last one repeats. */
const PAUSES_MS: readonly number[] = [1, 2, 2, 5, 10, 20, 30, 60, 120, 240, 360].map((n) => n * MINUTE_MS);

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

/** orders that only the CA's window asks for, in seven days: as many certificates as Let's Encrypt gives for one name */
const MOST_EARLY_A_WEEK = 5;

const isWindow = ({ windowStartMs, windowEndMs }: RenewalWindow): boolean =>
  Number.isFinite(windowStartMs) && windowStartMs > 0 && windowStartMs < windowEndMs;

/** The moment that the lifetime alone gives: just after two thirds of it, or half of one below ten days. */
const lifetimeMomentMs = ({ notBeforeMs, notAfterMs }: Planned, position: number): number => {
  const lifetimeMs = notAfterMs - notBeforeMs;
  const share = lifetimeMs < SHORT_LIFETIME_MS ? 1 / 2 : 2 / 3;
  return notBeforeMs + lifetimeMs * (share + position / 24);
};

/** This certificate's place in the CA's window, but never in the last sixth of the lifetime; undefined without a window. */
const windowMomentMs = (
  { notBeforeMs, notAfterMs, fingerprint }: Planned,
  window: RenewalWindow | undefined,
  position: number,
): number | undefined => {
  if (window?.fingerprint !== fingerprint || !isWindow(window)) return undefined;
  const { windowStartMs, windowEndMs } = window;
  const placeMs = windowStartMs + position * (windowEndMs - windowStartMs);
  return Math.min(placeMs, notAfterMs - (notAfterMs - notBeforeMs) / 6);
};

interface Ceilings {
  /** no regular order before this time */
  readonly regularMs: number;
  /** no early order before this time */
  readonly earlyMs: number;
}

/**
 * What keeps a CA that wants every certificate back at once, or a clock that is wrong, from making a loop:
 * 1. Never two orders within {@link shortestGapMs}.
 * 2. Regular ones: never more than two in one lifetime. A lifetime counts from the issue, so the third order is allowed before
 *    the second certificate ends. Early orders between them do not count, and so never delay a regular one.
 * 3. Early ones, which a CA may want for good reasons at any time (RFC 9773 §4.2): one an hour and five in seven days.
 */
const ceilings = (
  { notBeforeMs, notAfterMs }: Planned,
  state: IssuanceState | undefined,
  nowMs: number,
): Ceilings => {
  // A time in the future comes from a clock that was wrong.
  const early = (state?.earlyIssuedMs ?? []).filter((atMs) => atMs <= nowMs);
  const earlyMs = Math.max(
    (early.at(-1) ?? -Infinity) + HOUR_MS,
    (early.at(-MOST_EARLY_A_WEEK) ?? -Infinity) + WEEK_MS,
  );
  const lastMs = state?.lastIssuedMs ?? 0;
  if (lastMs === 0 || lastMs > nowMs) return { regularMs: 0, earlyMs };
  const lifetimeMs = notAfterMs - notBeforeMs;
  // By this clock it was issued long after it began: the clock is wrong, and cannot say when it ends.
  const isDoubtful = lastMs - notBeforeMs > lifetimeMs / 4;
  const usableMs = isDoubtful ? lifetimeMs : Math.min(lifetimeMs, notAfterMs - lastMs);
  const gapMs = lastMs + (isDoubtful ? lifetimeMs / 3 : shortestGapMs(usableMs));
  const beforeMs = state?.issuedBeforeMs ?? 0;
  return {
    regularMs: Math.max(gapMs, beforeMs > 0 && beforeMs <= lastMs ? beforeMs + usableMs : 0),
    earlyMs: Math.max(gapMs, earlyMs),
  };
};

/**
 * When to renew a certificate, pauses after failures aside:
 * 1. Never one that was imported: nobody but its owner replaces it.
 * 2. Without a window of the CA, at the moment that the lifetime gives.
 * 3. With a window, at the certificate's place in it. Where that is earlier than the moment of the lifetime it is an early order,
 *    and what its ceiling delays is renewed at the moment of the lifetime at the latest.
 */
export const renewAtMs = (certificate: Planned, state: IssuanceState | undefined, nowMs: number): number => {
  if (certificate.source === 'import') return Infinity;
  const { regularMs, earlyMs } = ceilings(certificate, state, nowMs);
  const position = positionOf(certificate.fingerprint);
  const lifetimeMs = lifetimeMomentMs(certificate, position);
  const windowMs = windowMomentMs(certificate, state?.renewal, position);
  if (windowMs === undefined || windowMs >= lifetimeMs) return Math.max(windowMs ?? lifetimeMs, regularMs);
  return Math.min(Math.max(windowMs, earlyMs), Math.max(lifetimeMs, regularMs));
};

/** Whether an order that is due is an early one: only the CA's window asks for it. */
export const isEarlyOrder = (
  certificate: Planned,
  state: IssuanceState | undefined,
  nowMs: number,
): boolean => {
  const { regularMs } = ceilings(certificate, state, nowMs);
  return Math.max(lifetimeMomentMs(certificate, positionOf(certificate.fingerprint)), regularMs) > nowMs;
};

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

export interface IssueFacts {
  readonly atMs: number;
  /** what proved the name */
  readonly challenge?: ChallengeType | undefined;
  /** see {@link isEarlyOrder} */
  readonly isEarly?: boolean;
}

/** The state after an issue: its times are what {@link renewAtMs} counts. */
export const issuedState = (
  state: IssuanceState | undefined,
  { atMs, challenge = state?.challenge, isEarly = false }: IssueFacts,
): IssuanceState => {
  const regularMs = state?.regularIssuedMs ?? state?.lastIssuedMs ?? 0;
  const beforeMs = (isEarly ? state?.issuedBeforeMs : regularMs) ?? 0;
  const early = [...(state?.earlyIssuedMs ?? []), ...(isEarly ? [atMs] : [])]
    .filter((earlyMs) => earlyMs <= atMs && earlyMs > atMs - WEEK_MS)
    .slice(-MOST_EARLY_A_WEEK);
  return {
    failures: 0,
    nextAttemptMs: 0,
    lastIssuedMs: atMs,
    ...(isEarly ? { regularIssuedMs: regularMs } : {}),
    ...(beforeMs > 0 ? { issuedBeforeMs: beforeMs } : {}),
    ...(early.length === 0 ? {} : { earlyIssuedMs: early }),
    ...(challenge === undefined ? {} : { challenge }),
    lastProblem: null,
  };
};

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
