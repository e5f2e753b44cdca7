// The one retry policy: what follows a failed attempt to get a certificate, for the renewal loop and for `linkgate certs` alike. Pure
// arithmetic on times; when a certificate is renewed is decided in plan.ts.

import type { Random } from '../../core/platform/clock.ts';
import type { LinkgateError } from '../../core/errors.ts';
import { LONGEST_PAUSE_MS } from '../issuers/issuer.ts';
import { NOTHING_YET, type IssuanceState } from '../state/issuance-state.ts';
import { lastProblemOf } from '../state/last-problem.ts';
import { isStorageFailure } from '../state/storage-failure.ts';
import type { KnownCertificate } from '../state/store.ts';

const MINUTE_MS = 60_000;

/** Pauses after the first, second… failure in a row; the last one repeats. */
const PAUSES_MS: readonly number[] = [1, 2, 2, 5, 10, 20, 30, 60, 120, 240, 360].map((n) => n * MINUTE_MS);
/** a storage that fails is tried again after ten minutes at the latest: it costs no CA anything */
const MOST_STORAGE_FAILURES = 5;

/** Errors that are no failure of the name, with the pause after each. */
const UNCOUNTED_PAUSES_MS: Readonly<Partial<Record<LinkgateError['code'], number>>> = {
  // another process works on the name: it is done soon
  ERR_STORAGE_LOCKED: MINUTE_MS,
  // the name does not point here yet, or its CAA records forbid every CA
  ERR_CERT_NAME_UNREADY: 3 * MINUTE_MS,
};

export interface Failure {
  readonly error: LinkgateError;
  readonly nowMs: number;
  readonly random: Random;
  /** the certificate that the name has in spite of the failure */
  readonly certificate?: Pick<KnownCertificate, 'notBeforeMs' | 'notAfterMs'> | undefined;
}

/**
 * How long a name pauses after its `failures`-th failure in a row:
 * 1. What is no failure of the name has a short pause of its own.
 * 2. Everything else: 1, 2, 2, 5 … minutes up to 6 h, and ten minutes at most when the storage failed.
 * 3. While the name has a valid certificate, a twelfth of its lifetime at most: one of an hour must not be lost in a pause.
 * 4. Up to a quarter more by chance, so that names that failed together do not come back together.
 * 5. At least what the CA asked for (Retry-After), and a day at most.
 */
export const pauseMs = (failures: number, { error, nowMs, random, certificate }: Failure): number => {
  const jitter = 1 + random() / 4;
  const uncountedMs = UNCOUNTED_PAUSES_MS[error.code];
  if (uncountedMs !== undefined) return Math.round(uncountedMs * jitter);
  const counted = isStorageFailure(error) ? Math.min(failures, MOST_STORAGE_FAILURES) : failures;
  const usualMs = PAUSES_MS[Math.min(Math.max(counted, 1), PAUSES_MS.length) - 1] ?? 0;
  const isAtStake = certificate !== undefined && nowMs < certificate.notAfterMs;
  const mostMs = isAtStake ? (certificate.notAfterMs - certificate.notBeforeMs) / 12 : Infinity;
  const { retryAfterMs = 0 } = error.details;
  return Math.round(Math.min(Math.max(Math.min(usualMs, mostMs) * jitter, retryAfterMs), LONGEST_PAUSE_MS));
};

/** When the pause of a name ends; 0 when there is none. One that is longer than any pause comes from a clock that was wrong. */
export const pausedUntilMs = (state: IssuanceState | undefined, nowMs: number): number => {
  if (state === undefined || state.failures === 0) return 0;
  return state.nextAttemptMs > nowMs + LONGEST_PAUSE_MS ? 0 : state.nextAttemptMs;
};

/** The state of a name after a failed attempt. Here the retry is decided: a pause that is under way is never made shorter. */
export const stateAfterFailure = (before: IssuanceState = NOTHING_YET, failure: Failure): IssuanceState => {
  const { error, nowMs } = failure;
  const isCounted = UNCOUNTED_PAUSES_MS[error.code] === undefined;
  const failures = isCounted ? before.failures + 1 : Math.max(before.failures, 1);
  return {
    ...before,
    failures,
    nextAttemptMs: Math.max(pausedUntilMs(before, nowMs), nowMs + pauseMs(failures, failure)),
    lastProblem: lastProblemOf(error, nowMs),
  };
};
