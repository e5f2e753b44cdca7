// One attempt of the renewal loop for one name: the look before the order, the order, and what is remembered of how it
// ended. It decides how long a failing name pauses, and not when a name is due (plan.ts). One of the four places that catch.

import type { Clock, Random } from '../../core/platform/clock.ts';
import { toLinkgateError, type LinkgateError } from '../../core/errors.ts';
import type { Emit } from '../../core/events.ts';
import type { Issue } from './issue.ts';
import { lastProblemOf } from '../state/last-problem.ts';
import { pauseMs } from './plan.ts';
import { NOTHING_YET, type Entry } from './entry.ts';
import { isStorageCode, type Records } from './attempt-records.ts';
import type { CertificateStore } from '../state/store.ts';

export interface AttemptOptions {
  readonly store: Pick<CertificateStore, 'readState' | 'writeState'>;
  readonly records: Pick<Records, 'know' | 'remember'>;
  readonly issue: Issue;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  /** told after a certificate was stored, so that workers look again; what it throws is dropped */
  readonly onStored: (name: string) => void;
  /** looks whether an order can succeed; undefined when nothing speaks against it. Never rejects. */
  readonly look?: (name: string, signal: AbortSignal) => Promise<LinkgateError | undefined>;
}

/** Never rejects; an attempt that `signal` ends counts as nothing. */
export type Attempt = (entry: Entry, signal: AbortSignal) => Promise<void>;

/** another process holds the name: it is done soon */
const LOCKED_PAUSE_MS = 60_000;
/** a storage that fails is tried again after ten minutes at most: it costs no CA anything */
const MOST_STORAGE_FAILURES = 5;
/** names that do not point here or that no CA may serve are looked at again so often */
const LOOK_PAUSE_MS = 3 * 60_000;

export const createAttempt = (options: AttemptOptions): Attempt => {
  const { store, records, issue, clock, random, emit, onStored, look } = options;

  /** On first issue an order that cannot succeed is not placed; on renewal the CA has the last word. */
  const lookFirst = async ({ name, certificate }: Entry, signal: AbortSignal): Promise<void> => {
    const found = await look?.(name, signal);
    if (found === undefined) return;
    if (certificate === undefined) throw found;
    emit('certificate.doubted', { domain: name, code: found.code, detail: found.message });
  };

  const tellStored = (name: string): void => {
    try {
      onStored(name);
    } catch {
      // Workers look by themselves every few minutes.
    }
  };

  const obtain = async (entry: Entry, signal: AbortSignal): Promise<void> => {
    await lookFirst(entry, signal);
    // A certificate that cannot be stored is an order in vain: after such a failure a write goes first.
    if (entry.state?.lastProblem?.type.startsWith('ERR_STORAGE_') === true) {
      await store.writeState(entry.name, entry.state);
    }
    const { certificate, state } = await issue(entry.name, signal);
    records.know(entry, certificate);
    entry.state = state;
    tellStored(entry.name);
  };

  /** Whether another process has issued the name since it was read here. */
  const isOvertaken = async ({ name, state }: Entry): Promise<boolean> => {
    const stored = await store.readState(name).catch(() => undefined);
    return (stored?.lastIssuedMs ?? 0) > (state?.lastIssuedMs ?? 0);
  };

  const waitMs = (
    { certificate }: Entry,
    error: LinkgateError,
    { failures, nowMs }: { readonly failures: number; readonly nowMs: number },
  ): number => {
    const flat = (ms: number): number => Math.round(ms * (1 + random() / 4));
    if (error.code === 'ERR_STORAGE_LOCKED') return flat(LOCKED_PAUSE_MS);
    if (error.code === 'ERR_CERT_NAME_UNREADY') return flat(LOOK_PAUSE_MS);
    const { retryAfterMs } = error.details;
    return pauseMs(isStorageCode(error) ? Math.min(failures, MOST_STORAGE_FAILURES) : failures, random, {
      retryAfterMs: typeof retryAfterMs === 'number' ? retryAfterMs : 0,
      ...(certificate === undefined ? {} : { atStake: certificate }),
      nowMs,
    });
  };

  const failed = async (entry: Entry, error: LinkgateError): Promise<void> => {
    if (await isOvertaken(entry)) {
      entry.isOutdated = true;
      return;
    }
    const before = entry.state ?? NOTHING_YET;
    const nowMs = clock.now();
    // A name that another process works on, or that does not point here yet, has not failed once more.
    const isNew = error.code !== 'ERR_STORAGE_LOCKED' && error.code !== 'ERR_CERT_NAME_UNREADY';
    const failures = isNew ? before.failures + 1 : Math.max(before.failures, 1);
    const lastProblem = lastProblemOf(error, nowMs);
    const nextAttemptMs = nowMs + waitMs(entry, error, { failures, nowMs });
    if (error.code === 'ERR_STORAGE_UNAVAILABLE') {
      emit('storage.failed', { code: error.code, message: error.message });
    }
    emit('certificate.failed', {
      domain: entry.name,
      issuer: lastProblem.issuer,
      code: error.code,
      detail: lastProblem.detail,
      nextAttemptMs,
    });
    await records.remember(entry, { ...before, failures, nextAttemptMs, lastProblem });
  };

  return async (entry, signal) => {
    try {
      await obtain(entry, signal);
    } catch (error) {
      if (!signal.aborted) await failed(entry, toLinkgateError(error));
    }
  };
};
