// What a CA still allows, counted here before the CA has to say no. Kept in the storage, so that restarts and other processes
// count together. Stands around an issuer; knows limits and times, and nothing of the protocol.

import { createHash } from 'node:crypto';
import { getDomain } from 'tldts';
import type { Clock } from '../../core/platform/clock.ts';
import { LinkgateError, toLinkgateError } from '../../core/errors.ts';
import { readWhereReadable, type Storage } from '../../core/storage.ts';
import type { Issuer } from './issuer.ts';
import { nameKey } from '../state/name-key.ts';

const HOUR_MS = 3_600_000;
const WEEK_MS = 7 * 24 * HOUR_MS;

/** How much a CA allows in how much time. */
export interface Limits {
  /** new orders of the account */
  readonly orders: { readonly most: number; readonly inMs: number };
  /** certificates of one registered domain */
  readonly domain: { readonly most: number; readonly inMs: number };
  /** certificates for one exact name */
  readonly name: { readonly most: number; readonly inMs: number };
  /** failed validations of one name */
  readonly failures: { readonly most: number; readonly inMs: number };
}

/** https://letsencrypt.org/docs/rate-limits/, as of 2026 */
const LETSENCRYPT: Limits = {
  orders: { most: 300, inMs: 3 * HOUR_MS },
  domain: { most: 50, inMs: WEEK_MS },
  name: { most: 5, inMs: WEEK_MS },
  failures: { most: 5, inMs: HOUR_MS },
};

/** The limits of a CA by its directory; undefined for one whose limits are not known. */
export const limitsOf = (directory: string): Limits | undefined =>
  directory === 'https://acme-v02.api.letsencrypt.org/directory' ? LETSENCRYPT : undefined;

/** First issues leave this share of what all orders have together to renewals. */
const KEPT_FOR_RENEWALS = 1 / 10;

/** The domain a CA counts by (public suffix list, private part too); the name itself where there is none. */
export const registeredDomain = (name: string): string =>
  getDomain(name, { allowPrivateDomains: true }) ?? name;

interface Use {
  readonly atMs: number;
  readonly name: string;
  readonly kind: 'order' | 'failure';
}

const parseUses = (text: string): readonly Use[] => {
  try {
    const value = JSON.parse(text) as { readonly version?: unknown; readonly uses?: unknown };
    if (value.version !== 1 || !Array.isArray(value.uses)) return [];
    return (value.uses as Partial<Use>[]).flatMap(({ atMs, name, kind }) =>
      typeof atMs === 'number' && typeof name === 'string' && (kind === 'order' || kind === 'failure')
        ? [{ atMs, name, kind }]
        : [],
    );
  } catch {
    return [];
  }
};

export interface BudgetOptions {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly limits: Limits;
}

interface Spending {
  readonly what: string;
  readonly uses: readonly Use[];
  readonly most: number;
  readonly inMs: number;
}

/**
 * The issuer, asked only for what its CA still allows. A renewal that tells the CA what it replaces is exempt at the CA and
 * here (RFC 9773 §5), as long as the same CA issued it.
 * @throws of `obtain`, beside its own: LinkgateError `ERR_ACME_RATE_LIMITED` (details.retryAfterMs) before the CA was asked
 */
export const withBudget = (issuer: Issuer, { storage, clock, limits }: BudgetOptions): Issuer => {
  const ca = createHash('sha256')
    .update(issuer.directory ?? issuer.issuer)
    .digest('hex')
    .slice(0, 16);
  const folder = `budget/${ca}`;
  // `_` begins no domain name
  const accountKey = `${folder}/_account.json`;
  const domainKey = (name: string): string => `${folder}/${nameKey(registeredDomain(name), '.json')}`;

  const read = async (key: string, inMs: number): Promise<readonly Use[]> => {
    // A count that cannot be read begins again: the CA has the last word.
    const uses = parseUses(String((await readWhereReadable(storage, key)) ?? ''));
    // What is in the future was written by a clock that was wrong.
    return uses.filter(({ atMs }) => atMs <= clock.now() && atMs > clock.now() - inMs);
  };
  const write = (key: string, uses: readonly Use[]): Promise<void> =>
    storage.write(key, `${JSON.stringify({ version: 1, uses })}\n`);

  const check = (name: string, { what, uses, most, inMs }: Spending): void => {
    if (uses.length < most) return;
    const freed = uses.map(({ atMs }) => atMs).toSorted((a, b) => a - b)[uses.length - most] ?? clock.now();
    throw new LinkgateError(
      'ERR_ACME_RATE_LIMITED',
      `order for "${name}" was not placed: "${issuer.issuer}" allows ${most} ${what}, and ${uses.length} are spent`,
      {
        details: { domain: name, ownLimit: true, retryAfterMs: Math.max(1_000, freed + inMs - clock.now()) },
      },
    );
  };

  const spend = async (name: string, isRenewal: boolean): Promise<void> => {
    const kept = isRenewal ? 0 : KEPT_FOR_RENEWALS;
    const account = await read(accountKey, limits.orders.inMs);
    const domain = await read(domainKey(name), Math.max(limits.domain.inMs, limits.name.inMs));
    const within = (kind: Use['kind'], inMs: number): readonly Use[] =>
      domain.filter((use) => use.kind === kind && use.atMs > clock.now() - inMs);
    const own = (use: Use): boolean => use.name === name;
    const { orders, domain: perDomain, name: perName, failures } = limits;
    const few = (most: number): number => Math.max(1, Math.floor(most * (1 - kept)));
    check(name, { ...orders, most: few(orders.most), what: 'orders', uses: account });
    const certificates = within('order', perDomain.inMs);
    const what = `certificates of "${registeredDomain(name)}"`;
    check(name, { ...perDomain, most: few(perDomain.most), what, uses: certificates });
    check(name, {
      ...perName,
      what: 'certificates of this name',
      uses: within('order', perName.inMs).filter(own),
    });
    const failed = within('failure', failures.inMs).filter(own);
    check(name, {
      ...failures,
      // As many as the last attempt cost may come again.
      most: failures.most + 1 - Math.max(1, failed.filter(({ atMs }) => atMs === failed.at(-1)?.atMs).length),
      what: 'failed validations of this name',
      uses: failed,
    });
    const use: Use = { atMs: clock.now(), name, kind: 'order' };
    await write(accountKey, [...account, use]);
    await write(domainKey(name), [...domain, use]);
  };

  /** A certificate that was not given does not count; a validation that failed does. */
  const settle = async (name: string, orderedMs: number, failures: number): Promise<void> => {
    const uses = await read(domainKey(name), Math.max(limits.domain.inMs, limits.name.inMs));
    const spent = uses.findIndex(
      (use) => use.kind === 'order' && use.name === name && use.atMs === orderedMs,
    );
    const left = uses.filter((_, index) => index !== spent);
    const failure: Use = { atMs: clock.now(), name, kind: 'failure' };
    await write(domainKey(name), [...left, ...Array.from({ length: failures }, () => failure)]);
    // Each kind of challenge that was tried had an order of its own; one is counted already.
    if (failures < 2) return;
    const more: readonly Use[] = Array.from({ length: failures - 1 }, () => ({ ...failure, kind: 'order' }));
    await write(accountKey, [...(await read(accountKey, limits.orders.inMs)), ...more]);
  };

  const locked = async <T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
    const lock = await storage.lock(`budget-${ca}`, signal);
    try {
      return await work();
    } finally {
      await lock.release();
    }
  };

  return {
    ...issuer,
    ordersLeft: async () => {
      const { most, inMs } = limits.orders;
      const { length } = await read(accountKey, inMs);
      return { left: Math.max(0, most - length), most };
    },
    obtain: async (name, signal, options = {}) => {
      const { replaces } = options;
      const isExempt = replaces?.source === 'acme' && replaces.directory === issuer.directory;
      if (isExempt) return issuer.obtain(name, signal, options);
      const orderedMs = await locked(signal, async () => {
        await spend(name, replaces !== undefined);
        return clock.now();
      });
      try {
        return await issuer.obtain(name, signal, options);
      } catch (error) {
        const { code, details } = toLinkgateError(error);
        const { validations = 1 } = details;
        // Whether an order that was cut off came to a certificate is not known: it counts.
        const isKnown =
          code === 'ERR_ACME_UNAUTHORIZED' || code === 'ERR_ACME_REFUSED' || code === 'ERR_ACME_UNREACHABLE';
        if (isKnown && !signal.aborted) {
          const failures = code === 'ERR_ACME_UNAUTHORIZED' ? validations : 0;
          await locked(signal, () => settle(name, orderedMs, failures)).catch(() => {});
        }
        throw error;
      }
    },
  };
};
