// Gets one name its certificate, once: single-flight within the process, a lock in the storage across processes and
// machines, a second look after locking, the issuers in order, then the store. It does not decide when: renew.ts does.

import type { Clock } from '../core/clock.ts';
import { GateError, toGateError } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import type { ChallengeType } from '../core/settings.ts';
import type { Lock, Storage } from '../core/storage.ts';
import { startDeadline } from './deadline.ts';
import { createIssuersHealth, type IssuersHealth } from './issuers/issuer-health.ts';
import type { Issuer, ObtainOptions } from './issuers/issuer.ts';
import { isRenewalDue } from './plan.ts';
import type { CertificateStore, StoredCertificate } from './store.ts';

export interface IssueOptions {
  readonly storage: Storage;
  readonly store: CertificateStore;
  /** tried in this order */
  readonly issuers: readonly Issuer[];
  readonly clock: Clock;
  readonly emit: Emit;
  /** one of its own when absent */
  readonly health?: IssuersHealth;
}

export interface Issued {
  readonly certificate: StoredCertificate;
  /** false when a stored one needed no replacement: another process was faster */
  readonly isNew: boolean;
  /** the kind of challenge that proved the name, where one had to */
  readonly challenge?: ChallengeType;
}

/**
 * Gives the name a certificate that is not due for renewal: the stored one, else a new one, stored.
 * @param name - lower-case A-label, no trailing dot
 * @throws GateError `ERR_ACME_*` or `ERR_CERT_INVALID` of the last issuer tried (details.issuer), `ERR_STORAGE_UNAVAILABLE`,
 * `ERR_STORAGE_LOCKED` when another process held the name for longer than a minute; else the reason of `signal`
 */
export type Issue = (name: string, signal: AbortSignal, wish?: IssueWish) => Promise<Issued>;

export interface IssueWish {
  /** order even though the stored one is not due */
  readonly force?: boolean;
  /** told to the CA that issued it; the stored certificate when absent */
  readonly replaces?: StoredCertificate;
}

/** Longer than the lease of a lock, so that the lock of a machine that died is waited out. */
const LOCK_WAIT_MS = 60_000;

export const createIssue = (options: IssueOptions): Issue => {
  const { storage, store, issuers, clock, emit } = options;
  const health = options.health ?? createIssuersHealth({ storage, clock, emit });
  const running = new Map<string, Promise<Issued>>();

  const stored = async (name: string): Promise<StoredCertificate | undefined> => {
    try {
      return await store.read(name);
    } catch (error) {
      // One that cannot be served is replaced.
      if (error instanceof GateError && error.code === 'ERR_CERT_INVALID') return undefined;
      throw error;
    }
  };

  const takeLock = async (name: string, signal: AbortSignal): Promise<Lock> => {
    const deadline = startDeadline(clock, LOCK_WAIT_MS, signal, () => new Error('another process holds it'));
    try {
      return await storage.lock(name, deadline.signal);
    } finally {
      deadline.clear();
    }
  };

  const obtain = async (
    issuer: Issuer,
    name: string,
    signal: AbortSignal,
    asked: ObtainOptions,
  ): Promise<Issued> => {
    const startedMs = clock.now();
    const completed = (result: 'issued' | 'failed'): void =>
      emit('order.completed', { issuer: issuer.issuer, result, durationMs: clock.now() - startedMs });
    try {
      const { challenge, ...keyAndChain } = await issuer.obtain(name, signal, asked);
      completed('issued');
      const { source, issuer: by, directory } = issuer;
      const certificate = await store.write(name, {
        ...keyAndChain,
        source,
        issuer: by,
        ...(directory === undefined ? {} : { directory }),
      });
      const { serial, notAfterMs } = certificate;
      emit('certificate.issued', {
        domain: name,
        issuer: by,
        serial,
        notAfterMs,
        durationMs: clock.now() - startedMs,
      });
      return { certificate, isNew: true, ...(challenge === undefined ? {} : { challenge }) };
    } catch (error) {
      const cause = toGateError(error);
      if (!signal.aborted && !cause.code.startsWith('ERR_STORAGE_')) completed('failed');
      throw new GateError(cause.code, cause.message, {
        cause,
        details: { ...cause.details, issuer: issuer.issuer },
      });
    }
  };

  /**
   * 1. An issuer that failed lately is passed over, unless the caller insists.
   * 2. One that cannot be asked, has a limit, or refuses → the next one.
   * 3. A name that could not be validated is not the CA's fault, and a storage that fails nobody's: no other CA is burnt.
   */
  const tryAll = async (
    name: string,
    signal: AbortSignal,
    { force, ...asked }: ObtainOptions & Pick<IssueWish, 'force'>,
  ): Promise<Issued> => {
    await health.load();
    let last: GateError | undefined;
    let soonestMs = Infinity;
    for (const issuer of issuers) {
      const untilMs = force === true ? undefined : health.passedOverUntil(issuer);
      if (untilMs !== undefined) {
        soonestMs = Math.min(soonestMs, untilMs);
        continue;
      }
      try {
        const issued = await obtain(issuer, name, signal, asked);
        await health.tell(issuer, name);
        return issued;
      } catch (error) {
        signal.throwIfAborted();
        last = toGateError(error);
        await health.tell(issuer, name, last);
        if (last.code === 'ERR_ACME_UNAUTHORIZED' || last.code.startsWith('ERR_STORAGE_')) break;
      }
    }
    throw last ?? noneLeft(name, soonestMs - clock.now());
  };

  const noneLeft = (name: string, waitMs: number): GateError => {
    if (issuers.length === 0)
      return new GateError('ERR_ACME_REFUSED', `no issuer is configured for "${name}"`);
    const failures = health
      .list()
      .flatMap(({ issuer, lastFailure }) => (lastFailure === undefined ? [] : [{ issuer, ...lastFailure }]));
    const latest = failures.toSorted((a, b) => b.atMs - a.atMs)[0];
    return new GateError(
      'ERR_ACME_UNREACHABLE',
      `every issuer for "${name}" has failed lately; the last one: ${latest?.detail ?? 'unknown'}`,
      {
        details: {
          retryAfterMs: Math.max(0, waitMs),
          ...(latest === undefined ? {} : { issuer: latest.issuer }),
        },
      },
    );
  };

  const issueLocked = async (name: string, signal: AbortSignal, wish: IssueWish): Promise<Issued> => {
    const lock = await takeLock(name, signal);
    try {
      const [certificate, state] = await Promise.all([stored(name), store.readState(name)]);
      const isDue = wish.force === true || certificate === undefined;
      if (!isDue && !isRenewalDue(certificate, state, clock.now())) return { certificate, isNew: false };
      const guarded = AbortSignal.any([signal, lock.signal]);
      const replaces = wish.replaces ?? certificate;
      const challenge = state?.challenge;
      return await tryAll(name, guarded, {
        ...(wish.force === undefined ? {} : { force: wish.force }),
        ...(replaces === undefined ? {} : { replaces }),
        ...(challenge === undefined ? {} : { challenge }),
      });
    } finally {
      await lock.release();
    }
  };

  return (name, signal, wish = {}) => {
    const already = running.get(name);
    if (already !== undefined) return already;
    const work = issueLocked(name, signal, wish).finally(() => running.delete(name));
    running.set(name, work);
    return work;
  };
};
