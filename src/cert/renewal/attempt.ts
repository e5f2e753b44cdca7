// One attempt of the renewal loop for one name: the preflight, the order, and what is remembered of how it ended. When a name is due is
// decided in plan.ts, and when a failed name is tried again in backoff.ts. An attempt never rejects.

import type { Clock, Random } from '../../core/platform/clock.ts';
import { toLinkgateError, type LinkgateError } from '../../core/errors.ts';
import { reportStorageFailure, type Emit } from '../../core/events.ts';
import { NOTHING_YET, type IssuanceState } from '../state/issuance-state.ts';
import type { NameStates } from '../state/name-state.ts';
import type { AttemptRecords } from './attempt-records.ts';
import { stateAfterFailure } from './backoff.ts';
import type { Issue } from './issue.ts';
import type { Preflight } from './preflight.ts';
import type { Entry } from './queue/entry.ts';

export interface AttemptOptions {
  readonly states: Pick<NameStates, 'update'>;
  readonly records: Pick<AttemptRecords, 'know' | 'remember'>;
  readonly issue: Issue;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  /** called after a certificate was stored, so that workers read it; what it throws is dropped */
  readonly onStored: (name: string) => void;
  readonly preflight?: Preflight;
}

/** Never rejects; an attempt that `signal` ends counts as nothing. */
export type Attempt = (entry: Entry, signal: AbortSignal) => Promise<void>;

/** for the lock of a name whose state is written before an order */
const LOCK_WAIT_MS = 10_000;

export const createAttempt = (options: AttemptOptions): Attempt => {
  const { states, records, issue, clock, random, emit, onStored, preflight } = options;

  /** A first order that cannot succeed is not placed. On renewal the CA decides. */
  const checkFirst = async ({ name, certificate }: Entry, signal: AbortSignal): Promise<void> => {
    const problem = await preflight?.(name, signal);
    if (problem === undefined) return;
    if (certificate === undefined) throw problem;
    emit('certificate.doubted', { domain: name, code: problem.code, detail: problem.message });
  };

  /** A certificate that cannot be stored is a wasted order: after such a failure, the storage is tried first. */
  const checkStorage = async ({ name, state }: Entry, signal: AbortSignal): Promise<void> => {
    if (state?.lastProblem?.type.startsWith('ERR_STORAGE_') !== true) return;
    await states.update(name, { waitMs: LOCK_WAIT_MS, signal }, (stored) => stored ?? state);
  };

  const obtain = async (entry: Entry, signal: AbortSignal): Promise<void> => {
    await checkFirst(entry, signal);
    await checkStorage(entry, signal);
    const { certificate, state } = await issue(entry.name, signal);
    records.know(entry, certificate);
    entry.state = state;
    try {
      onStored(entry.name);
    } catch {
      // Workers read the storage by themselves every few minutes.
    }
  };

  const fail = async (entry: Entry, error: LinkgateError, signal: AbortSignal): Promise<void> => {
    const { name, certificate, state: known = NOTHING_YET } = entry;
    let isOvertaken = false;
    const change = (before = NOTHING_YET): IssuanceState | undefined => {
      // Another process has issued the name since it was read here: its state stays, and is read again.
      isOvertaken = before.lastIssuedMs > known.lastIssuedMs;
      if (isOvertaken) return undefined;
      // Memory has counted more failures than the storage when the storage could not be written.
      const failures = Math.max(before.failures, known.failures);
      return stateAfterFailure({ ...before, failures }, { error, nowMs: clock.now(), random, certificate });
    };
    await records.remember(entry, change, signal);
    if (isOvertaken) {
      entry.isOutdated = true;
      return;
    }
    const { lastProblem, nextAttemptMs } = entry.state ?? NOTHING_YET;
    if (error.code === 'ERR_STORAGE_UNAVAILABLE') reportStorageFailure(emit, error);
    const { issuer = '', detail = error.message } = lastProblem ?? {};
    emit('certificate.failed', { domain: name, issuer, code: error.code, detail, nextAttemptMs });
  };

  return async (entry, signal) => {
    try {
      await obtain(entry, signal);
    } catch (error) {
      if (!signal.aborted) await fail(entry, toLinkgateError(error), signal);
    }
  };
};
