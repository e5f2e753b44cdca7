// How much a CA still allows, counted here before the CA refuses. The count is in the storage, so restarts and other processes count
// together. It wraps an issuer; it knows limits and times, and nothing of the protocol.

import { createHash } from 'node:crypto';
import { getDomain } from 'tldts';
import type { Clock } from '../../core/platform/clock.ts';
import { LinkgateError, toLinkgateError } from '../../core/errors.ts';
import { readWhereReadable, type Storage } from '../../core/storage.ts';
import type { Issuer } from './issuer.ts';
import { nameKey } from '../state/name-key.ts';

const HOUR_MS = 3_600_000;
const WEEK_MS = 7 * 24 * HOUR_MS;

/** The rate limits of a CA. */
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

/** First issues leave this share of all orders to renewals. */
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

/** What one CA has given to one account, counted in the storage. */
class Budget {
  readonly #options: BudgetOptions;
  /** name of the issuer in the settings */
  readonly #issuer: string;
  readonly #lock: string;
  readonly #folder: string;
  readonly #accountKey: string;

  constructor({ issuer, directory }: Issuer, options: BudgetOptions) {
    this.#options = options;
    this.#issuer = issuer;
    const ca = createHash('sha256')
      .update(directory ?? issuer)
      .digest('hex')
      .slice(0, 16);
    this.#lock = `budget-${ca}`;
    this.#folder = `budget/${ca}`;
    // `_` begins no domain name
    this.#accountKey = `${this.#folder}/_account.json`;
  }

  async ordersLeft(): Promise<{ readonly left: number; readonly most: number }> {
    const { most, inMs } = this.#options.limits.orders;
    const { length } = await this.#read(this.#accountKey, inMs);
    return { left: Math.max(0, most - length), most };
  }

  /**
   * Counts an order.
   * @returns when it was counted, for {@link settle}
   * @throws LinkgateError `ERR_ACME_RATE_LIMITED` when the CA does not allow it, `ERR_STORAGE_*`
   */
  spend(name: string, isRenewal: boolean, signal: AbortSignal): Promise<number> {
    return this.#locked(signal, async () => {
      const { orders, domain, name: exactName, failures } = this.#options.limits;
      const nowMs = this.#options.clock.now();
      const account = await this.#read(this.#accountKey, orders.inMs);
      const uses = await this.#readDomain(name);
      const within = (kind: Use['kind'], inMs: number): readonly Use[] =>
        uses.filter((use) => use.kind === kind && use.atMs > nowMs - inMs);
      const own = (use: Use): boolean => use.name === name;
      const few = (most: number): number =>
        Math.max(1, Math.floor(most * (1 - (isRenewal ? 0 : KEPT_FOR_RENEWALS))));
      const failed = within('failure', failures.inMs).filter(own);
      // The next attempt may cost as many failures as the last one did.
      const lastCost = failed.filter(({ atMs }) => atMs === failed.at(-1)?.atMs).length;
      const spendings: readonly Spending[] = [
        { ...orders, most: few(orders.most), what: 'orders', uses: account },
        {
          ...domain,
          most: few(domain.most),
          what: `certificates of "${registeredDomain(name)}"`,
          uses: within('order', domain.inMs),
        },
        {
          ...exactName,
          what: 'certificates of this name',
          uses: within('order', exactName.inMs).filter(own),
        },
        {
          ...failures,
          most: failures.most + 1 - Math.max(1, lastCost),
          what: 'failed validations of this name',
          uses: failed,
        },
      ];
      for (const spending of spendings) this.#check(name, spending);
      const use: Use = { atMs: nowMs, name, kind: 'order' };
      await this.#write(this.#accountKey, [...account, use]);
      await this.#write(this.#domainKey(name), [...uses, use]);
      return nowMs;
    });
  }

  /** The order of that time brought no certificate, which does not count; failed validations do. */
  settle(name: string, orderedMs: number, failures: number, signal: AbortSignal): Promise<void> {
    return this.#locked(signal, async () => {
      const uses = await this.#readDomain(name);
      const spent = uses.findIndex(
        (use) => use.kind === 'order' && use.name === name && use.atMs === orderedMs,
      );
      const left = uses.filter((_, index) => index !== spent);
      const failure: Use = { atMs: this.#options.clock.now(), name, kind: 'failure' };
      await this.#write(this.#domainKey(name), [...left, ...Array.from({ length: failures }, () => failure)]);
      // Each kind of challenge that was tried had its own order; one of these orders is counted already.
      if (failures < 2) return;
      const more = Array.from({ length: failures - 1 }, (): Use => ({ ...failure, kind: 'order' }));
      const account = await this.#read(this.#accountKey, this.#options.limits.orders.inMs);
      await this.#write(this.#accountKey, [...account, ...more]);
    });
  }

  #check(name: string, { what, uses, most, inMs }: Spending): void {
    if (uses.length < most) return;
    const nowMs = this.#options.clock.now();
    const freed = uses.map(({ atMs }) => atMs).toSorted((a, b) => a - b)[uses.length - most] ?? nowMs;
    throw new LinkgateError(
      'ERR_ACME_RATE_LIMITED',
      `order for "${name}" was not placed: "${this.#issuer}" allows ${most} ${what}, and ${uses.length} are spent`,
      { details: { domain: name, ownLimit: true, retryAfterMs: Math.max(1_000, freed + inMs - nowMs) } },
    );
  }

  #domainKey(name: string): string {
    return `${this.#folder}/${nameKey(registeredDomain(name), '.json')}`;
  }

  #readDomain(name: string): Promise<readonly Use[]> {
    const { domain, name: exactName } = this.#options.limits;
    return this.#read(this.#domainKey(name), Math.max(domain.inMs, exactName.inMs));
  }

  async #read(key: string, inMs: number): Promise<readonly Use[]> {
    const { storage, clock } = this.#options;
    // A count that cannot be read begins again: the CA decides in the end.
    const uses = parseUses(String((await readWhereReadable(storage, key)) ?? ''));
    // A use in the future was written by a clock that was wrong.
    return uses.filter(({ atMs }) => atMs <= clock.now() && atMs > clock.now() - inMs);
  }

  #write(key: string, uses: readonly Use[]): Promise<void> {
    return this.#options.storage.write(key, `${JSON.stringify({ version: 1, uses })}\n`);
  }

  async #locked<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const lock = await this.#options.storage.lock(this.#lock, signal);
    try {
      return await work();
    } finally {
      await lock.release();
    }
  }
}

/**
 * The issuer, which is asked only while its CA allows it. A renewal that tells the CA what it replaces is exempt at the CA and
 * here (RFC 9773 §5), as long as the same CA issued it.
 * @throws of `obtain`, as well as its own errors: LinkgateError `ERR_ACME_RATE_LIMITED` (details.retryAfterMs) before the CA was asked
 */
export const withBudget = (issuer: Issuer, options: BudgetOptions): Issuer => {
  const budget = new Budget(issuer, options);
  const { renewalInfo, revoke } = issuer;
  return {
    ...issuer,
    // A spread leaves out the methods of a class.
    ...(renewalInfo === undefined ? {} : { renewalInfo: renewalInfo.bind(issuer) }),
    ...(revoke === undefined ? {} : { revoke: revoke.bind(issuer) }),
    ordersLeft: () => budget.ordersLeft(),
    obtain: async (name, signal, asked = {}) => {
      const { replaces } = asked;
      const isExempt = replaces?.source === 'acme' && replaces.directory === issuer.directory;
      if (isExempt) return issuer.obtain(name, signal, asked);
      const orderedMs = await budget.spend(name, replaces !== undefined, signal);
      try {
        return await issuer.obtain(name, signal, asked);
      } catch (error) {
        const { code, details } = toLinkgateError(error);
        const { validations = 1 } = details;
        // An order that was cut off may have ended with a certificate, so it counts.
        const isKnown =
          code === 'ERR_ACME_UNAUTHORIZED' || code === 'ERR_ACME_REFUSED' || code === 'ERR_ACME_UNREACHABLE';
        if (isKnown && !signal.aborted) {
          const failures = code === 'ERR_ACME_UNAUTHORIZED' ? validations : 0;
          await budget.settle(name, orderedMs, failures, signal).catch(() => {});
        }
        throw error;
      }
    },
  };
};
