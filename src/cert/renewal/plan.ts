// When a certificate is renewed. Pure arithmetic on times, for renewal-loop.ts and issue.ts; the pause of a failing name is decided in
// backoff.ts. It assumes no lifetime and reads no clock: `nowMs` is the CA's time as far as it is known (cert/issuers/ca-clock.ts).

import { createHash } from 'node:crypto';
import type { ChallengeType } from '../../core/settings.ts';
import { LONGEST_PAUSE_MS } from '../issuers/issuer.ts';
import type { IssuanceState, RenewalWindow } from '../state/issuance-state.ts';
import type { StoredCertificate } from '../state/store.ts';
import { pausedUntilMs } from './backoff.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;

/** A lifetime below this is short: half of it is left for what may go wrong. */
const SHORT_LIFETIME_MS = 10 * DAY_MS;

/** The facts of a certificate that its plan depends on. */
export type Planned = Pick<StoredCertificate, 'notBeforeMs' | 'notAfterMs' | 'fingerprint'> &
  Partial<Pick<StoredCertificate, 'source'>>;

/**
 * Where in its window a certificate is renewed, in [0, 1). It spreads like chance, and is the same in every process on a storage and
 * after every restart, because it comes from the certificate itself.
 */
export const positionOf = (fingerprint: string): number =>
  createHash('sha256').update(fingerprint).digest().readUIntBE(0, 6) / 2 ** 48;

/** One order an hour at most (a twentieth of a short lifetime), even when the CA revokes every certificate at once. */
const shortestGapMs = (lifetimeMs: number): number => Math.min(HOUR_MS, lifetimeMs / 20);

/** orders in seven days that only the CA's window asks for: as many certificates as Let's Encrypt gives for one name */
const MOST_EARLY_A_WEEK = 5;

const isWindow = ({ windowStartMs, windowEndMs }: RenewalWindow): boolean =>
  Number.isFinite(windowStartMs) && windowStartMs > 0 && windowStartMs < windowEndMs;

/** The moment by the lifetime alone: just after two thirds of it, or after half when it is below ten days. */
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
 * The ceilings stop a loop of orders when a CA revokes every certificate at once, or a clock is wrong:
 * 1. Never two orders within {@link shortestGapMs}.
 * 2. Regular orders: two in one lifetime at most. A lifetime counts from the issue, so the third order is allowed before the second
 *    certificate ends. Early orders between them do not count, and so never delay a regular one.
 * 3. Early orders, which a CA may want for good reasons at any time (RFC 9773 §4.2): one an hour and five in seven days.
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
  // By this clock it was issued long after it began: the clock is wrong, and cannot tell when it ends.
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
 * When to renew a certificate, without the pauses after failures:
 * 1. Never one that was imported: only its owner replaces it.
 * 2. Without a window of the CA: at the moment by the lifetime.
 * 3. With a window: at the certificate's place in it. When that place comes before the moment by the lifetime, the order is an early
 *    one. A ceiling may delay an early order, but not beyond the moment by the lifetime.
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

/** When the next order for a name is due, pauses after failures included; `Infinity` for never. */
export const dueAtMs = (
  certificate: Planned | undefined,
  state: IssuanceState | undefined,
  nowMs: number,
): number => {
  const renewMs = certificate === undefined ? 0 : renewAtMs(certificate, state, nowMs);
  return Math.max(renewMs, pausedUntilMs(state, nowMs));
};

/** Whether a stored certificate is to be replaced now. The pause of its name does not count. */
export const isRenewalDue = (
  certificate: Planned,
  state: IssuanceState | undefined,
  nowMs: number,
): boolean => renewAtMs(certificate, state, nowMs) <= nowMs;

export interface IssueFacts {
  readonly atMs: number;
  /** the kind of challenge that proved the name */
  readonly challenge?: ChallengeType | undefined;
  /** see {@link isEarlyOrder} */
  readonly isEarly?: boolean;
}

/** The state after an issue, with the times that {@link renewAtMs} counts. */
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

/** When the CA is asked for its renewal window of a certificate; `Infinity` for never. */
export const askAtMs = (
  { fingerprint, source, notAfterMs }: Planned,
  state: IssuanceState | undefined,
  nowMs: number,
): number => {
  if (source !== 'acme' || notAfterMs <= nowMs) return Infinity;
  const window = state?.renewal;
  if (window === undefined || window.fingerprint !== fingerprint) return 0;
  return window.askAgainMs > nowMs + LONGEST_PAUSE_MS ? 0 : window.askAgainMs;
};
