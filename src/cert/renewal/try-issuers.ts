// Asks the issuers in their order until one of them gives a certificate that can be stored. It knows how each of them did lately, and
// not whether an order is due: issue.ts calls it under the lock of the name.

import type { Clock } from '../../core/platform/clock.ts';
import { LinkgateError, toLinkgateError, withDetails } from '../../core/errors.ts';
import type { Emit, Events } from '../../core/events.ts';
import type { IssuersHealth } from '../issuers/issuer-health.ts';
import type { Issuer, Obtained, ObtainOptions } from '../issuers/issuer.ts';
import { isStorageFailure } from '../state/storage-failure.ts';

export interface TryIssuersOptions {
  /** tried in this order */
  readonly issuers: readonly Issuer[];
  readonly health: IssuersHealth;
  readonly clock: Clock;
  readonly emit: Emit;
}

export interface IssuersOrder<T> {
  /** given to each issuer */
  readonly options: ObtainOptions;
  /** asks also issuers that failed lately */
  readonly force: boolean;
  /** stores what was obtained; when it throws, the issuer has failed */
  readonly accept: (issuer: Issuer, obtained: Obtained, startedMs: number) => Promise<T>;
}

type OrderOutcome = Pick<Events['order.completed'], 'result' | 'code' | 'problemType'>;

const failedAs = ({ code, details: { type, ownLimit } }: LinkgateError): OrderOutcome => {
  const problemType = type ?? (ownLimit === true ? 'own-limit' : undefined);
  return { result: 'failed', code, ...(problemType === undefined ? {} : { problemType }) };
};

const orderFrom = async <T>(
  issuer: Issuer,
  name: string,
  signal: AbortSignal,
  { clock, emit, options, accept }: TryIssuersOptions & IssuersOrder<T>,
): Promise<T> => {
  const startedMs = clock.now();
  const completed = (outcome: OrderOutcome): void =>
    emit('order.completed', {
      issuer: issuer.issuer,
      durationMs: clock.now() - startedMs,
      ...outcome,
    });
  try {
    const obtained = await issuer.obtain(name, signal, options);
    completed({ result: 'issued' });
    return await accept(issuer, obtained, startedMs);
  } catch (error) {
    const cause = toLinkgateError(error);
    if (!signal.aborted && !isStorageFailure(cause)) completed(failedAs(cause));
    throw withDetails(cause, { issuer: issuer.issuer });
  }
};

const noneLeft = (
  name: string,
  waitMs: number,
  { issuers, health }: Pick<TryIssuersOptions, 'issuers' | 'health'>,
): LinkgateError => {
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

/**
 * 1. An issuer that failed lately is passed over, unless the order is forced.
 * 2. After one that cannot be asked, has a limit, or refuses, the next one is asked.
 * 3. No other CA is asked about a name that could not be validated, nor when the storage failed: the next CA would fail too, and count it.
 * @throws LinkgateError of the last issuer that was asked (details.issuer); else the reason of `signal`
 */
export const tryIssuers = async <T>(
  name: string,
  signal: AbortSignal,
  order: TryIssuersOptions & IssuersOrder<T>,
): Promise<T> => {
  const { issuers, health, clock, force } = order;
  await health.load();
  let last: LinkgateError | undefined;
  let soonestMs = Infinity;
  for (const issuer of issuers) {
    const untilMs = force ? undefined : health.passedOverUntil(issuer);
    if (untilMs !== undefined) {
      soonestMs = Math.min(soonestMs, untilMs);
      continue;
    }
    try {
      const accepted = await orderFrom(issuer, name, signal, order);
      await health.record(issuer, name);
      return accepted;
    } catch (error) {
      signal.throwIfAborted();
      last = toLinkgateError(error);
      await health.record(issuer, name, last);
      if (last.code === 'ERR_ACME_UNAUTHORIZED' || isStorageFailure(last)) break;
    }
  }
  throw last ?? noneLeft(name, soonestMs - clock.now(), order);
};
