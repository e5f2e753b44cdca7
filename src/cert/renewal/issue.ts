// Gets one name its certificate, once: single-flight within the process, a lock in the storage across processes and
// machines, a second look after locking, the issuers in order, then the store. It does not decide when: renewal-loop.ts does.

import type { Clock } from '../../core/platform/clock.ts';
import { LinkgateError, toLinkgateError } from '../../core/errors.ts';
import type { Emit, Events } from '../../core/events.ts';
import type { Storage } from '../../core/storage.ts';
import { checkCertificate } from '../certificate/certificate.ts';
import { createIssuersHealth, type IssuersHealth } from '../issuers/issuer-health.ts';
import type { Issuer, Obtained, ObtainOptions } from '../issuers/issuer.ts';
import { withLock } from '../state/name-lock.ts';
import { isEarlyOrder, isRenewalDue, issuedState } from './plan.ts';
import type { CertificateStore, IssuanceState, StoredCertificate } from '../state/store.ts';

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
  /** how the name stands now; written under its lock, so that nobody else's is lost. Absent where nothing was ever tried. */
  readonly state?: IssuanceState;
}

/** What a CA gave and the storage could not take: kept for the next attempt, which then needs no order. */
interface Unstored {
  readonly issuer: Issuer;
  readonly obtained: Obtained;
  /** fingerprint of the certificate that was stored then */
  readonly before: string | undefined;
}

/**
 * Gives the name a certificate that is not due for renewal: the stored one, else a new one, stored.
 * @param name - lower-case A-label, no trailing dot
 * @throws LinkgateError `ERR_ACME_*` or `ERR_CERT_INVALID` of the last issuer tried (details.issuer), `ERR_STORAGE_UNAVAILABLE`,
 * `ERR_STORAGE_LOCKED` when another process held the name for longer than a minute; else the reason of `signal`
 */
export type Issue = (name: string, signal: AbortSignal, wish?: IssueOrderOptions) => Promise<Issued>;

export interface IssueOrderOptions {
  /** order even though the stored one is not due */
  readonly force?: boolean;
  /** told to the CA that issued it; the stored certificate when absent */
  readonly replaces?: StoredCertificate;
}

/** Longer than the lease of a lock, so that the lock of a machine that died is waited out. */
const LOCK_WAIT_MS = 60_000;
/** more are ordered again: a storage that fails for so many names is found out before their orders */
const MOST_UNSTORED = 100;

type OrderOutcome = Pick<Events['order.completed'], 'result' | 'code' | 'problemType'>;

const failedAs = ({ code, details: { type, ownLimit } }: LinkgateError): OrderOutcome => ({
  result: 'failed',
  code,
  ...(ownLimit === true ? { problemType: 'own-limit' } : {}),
  ...(typeof type === 'string' ? { problemType: type } : {}),
});

export const createIssue = (options: IssueOptions): Issue => {
  const { storage, store, issuers, clock, emit } = options;
  const health = options.health ?? createIssuersHealth({ storage, clock, emit });
  const running = new Map<string, Promise<Issued>>();
  const unstored = new Map<string, Unstored>();

  const stored = async (name: string): Promise<StoredCertificate | undefined> => {
    try {
      return await store.read(name);
    } catch (error) {
      // One that cannot be served is replaced.
      if (error instanceof LinkgateError && error.code === 'ERR_CERT_INVALID') return undefined;
      throw error;
    }
  };

  /** @throws LinkgateError `ERR_STORAGE_*`; what was obtained is then kept */
  const keep = async (name: string, found: Unstored, startedMs: number): Promise<StoredCertificate> => {
    const { issuer, obtained } = found;
    const { source, issuer: by, directory } = issuer;
    const { challenge: _challenge, ...keyAndChain } = obtained;
    const origin = { source, issuer: by, ...(directory === undefined ? {} : { directory }) };
    const certificate = await store.write(name, { ...keyAndChain, ...origin }).catch((error: unknown) => {
      const isStorage = toLinkgateError(error).code.startsWith('ERR_STORAGE_');
      if (isStorage && unstored.size < MOST_UNSTORED) unstored.set(name, found);
      throw error;
    });
    const { serial, notAfterMs } = certificate;
    const durationMs = clock.now() - startedMs;
    const isFirst = found.before === undefined;
    emit('certificate.issued', { domain: name, issuer: by, serial, notAfterMs, durationMs, isFirst });
    return certificate;
  };

  /** What is left of an attempt, unless the name has another certificate by now or it would be due itself. */
  const takeUnstored = (name: string, before: string | undefined): Unstored | undefined => {
    const left = unstored.get(name);
    unstored.delete(name);
    if (left === undefined || left.before !== before) return undefined;
    return isRenewalDue(checkCertificate(name, left.obtained), undefined, clock.now()) ? undefined : left;
  };

  const obtain = async (
    issuer: Issuer,
    name: string,
    signal: AbortSignal,
    { before, ...asked }: ObtainOptions & Pick<Unstored, 'before'>,
  ): Promise<[StoredCertificate, Obtained]> => {
    const startedMs = clock.now();
    const completed = (outcome: OrderOutcome): void =>
      emit('order.completed', {
        issuer: issuer.issuer,
        durationMs: clock.now() - startedMs,
        ...outcome,
      });
    try {
      const obtained = await issuer.obtain(name, signal, asked);
      completed({ result: 'issued' });
      return [await keep(name, { issuer, obtained, before }, startedMs), obtained];
    } catch (error) {
      const cause = toLinkgateError(error);
      if (!signal.aborted && !cause.code.startsWith('ERR_STORAGE_')) completed(failedAs(cause));
      throw new LinkgateError(cause.code, cause.message, {
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
    { force, ...asked }: ObtainOptions & Pick<IssueOrderOptions, 'force'> & Pick<Unstored, 'before'>,
  ): Promise<[StoredCertificate, Obtained]> => {
    await health.load();
    let last: LinkgateError | undefined;
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
        last = toLinkgateError(error);
        await health.tell(issuer, name, last);
        if (last.code === 'ERR_ACME_UNAUTHORIZED' || last.code.startsWith('ERR_STORAGE_')) break;
      }
    }
    throw last ?? noneLeft(name, soonestMs - clock.now());
  };

  const noneLeft = (name: string, waitMs: number): LinkgateError => {
    if (issuers.length === 0)
      return new LinkgateError('ERR_ACME_REFUSED', `no issuer is configured for "${name}"`);
    const failures = health
      .list()
      .flatMap(({ issuer, lastFailure }) => (lastFailure === undefined ? [] : [{ issuer, ...lastFailure }]));
    const latest = failures.toSorted((a, b) => b.atMs - a.atMs)[0];
    return new LinkgateError(
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

  /** A certificate is worth more than its books: what cannot be written is told. */
  const remember = async (name: string, state: IssuanceState): Promise<void> => {
    try {
      await store.writeState(name, state);
    } catch (error) {
      const { code, message } = toLinkgateError(error, 'ERR_STORAGE_UNAVAILABLE');
      emit('storage.failed', { code, message });
    }
  };

  const issued = async (
    name: string,
    { state: before, isEarly }: { readonly state: IssuanceState | undefined; readonly isEarly: boolean },
    [certificate, { challenge }]: readonly [StoredCertificate, Obtained],
  ): Promise<Issued> => {
    const state = issuedState(before, { atMs: clock.now(), challenge, isEarly });
    await remember(name, state);
    return { certificate, isNew: true, state };
  };

  /** The stored one needs no replacement; what went wrong before is over. */
  const notDue = async (
    name: string,
    state: IssuanceState | undefined,
    certificate: StoredCertificate,
  ): Promise<Issued> => {
    if (state === undefined || state.failures === 0) {
      return { certificate, isNew: false, ...(state === undefined ? {} : { state }) };
    }
    const calm: IssuanceState = { ...state, failures: 0, nextAttemptMs: 0 };
    await remember(name, calm);
    return { certificate, isNew: false, state: calm };
  };

  const issueLocked = async (
    name: string,
    {
      signal,
      lost,
      wish,
    }: { readonly signal: AbortSignal; readonly lost: AbortSignal; readonly wish: IssueOrderOptions },
  ): Promise<Issued> => {
    const [certificate, state] = await Promise.all([stored(name), store.readState(name)]);
    const nowMs = clock.now();
    const isDue = wish.force === true || certificate === undefined;
    if (!isDue && !isRenewalDue(certificate, state, nowMs)) return notDue(name, state, certificate);
    const plan = { state, isEarly: !isDue && isEarlyOrder(certificate, state, nowMs) };
    const before = certificate?.fingerprint;
    const left = takeUnstored(name, before);
    if (left !== undefined) {
      return issued(name, plan, [await keep(name, left, clock.now()), left.obtained]);
    }
    const replaces = wish.replaces ?? certificate;
    const challenge = state?.challenge;
    const result = await tryAll(name, AbortSignal.any([signal, lost]), {
      before,
      ...(wish.force === undefined ? {} : { force: wish.force }),
      ...(replaces === undefined ? {} : { replaces }),
      ...(challenge === undefined ? {} : { challenge }),
    });
    return issued(name, plan, result);
  };

  return (name, signal, wish = {}) => {
    const already = running.get(name);
    if (already !== undefined) return already;
    const work = withLock({ storage, clock, name, waitMs: LOCK_WAIT_MS, signal }, ({ signal: lost }) =>
      issueLocked(name, { signal, lost, wish }),
    ).finally(() => running.delete(name));
    running.set(name, work);
    return work;
  };
};
