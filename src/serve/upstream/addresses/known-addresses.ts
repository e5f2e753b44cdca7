// Where one upstream is: its addresses, kept for their TTL, asked for by one look at a time, and kept on while nobody
// can say anything newer. Opens no connection.

import { isIP } from 'node:net';
import type { FamilyAnswer, ResolveAddresses, Resolved } from './resolve-addresses.ts';

export interface UpstreamAddresses {
  /**
   * The addresses to connect to now, IPv6 and IPv4 in turn (RFC 8305 §4).
   * @throws the resolver's error when no address was ever known, or the last one is too old
   */
  current(): Promise<readonly string[]>;
  /** whether a kept connection to this address may carry a new request; where a lookup is due, it starts one */
  isCurrent(address: string): boolean;
}

/** What came of one look; `kept`: nobody knew, and the last good answer goes on being used. */
export type LookResult = 'answered' | 'kept' | 'failed';

export interface UpstreamAddressesOptions {
  /** a name, or an address, which is never looked up */
  readonly host: string;
  readonly resolve: ResolveAddresses;
  readonly onLook: (result: LookResult, error: Error | undefined) => void;
  /** performance.now unless told */
  readonly nowMs?: () => number;
}

/** A TTL of 0 must not mean a look for each click; one of a week must not outlive a tracker's move. */
const SHORTEST_MS = 5_000;
const LONGEST_MS = 300_000;
/** How long a new connection waits for a look before the last good answer is used (RFC 8767 §5). */
const PATIENCE_MS = 1_000;
/** RFC 8767 §5 lets stale answers serve for one to three days. */
const STALE_MS = 86_400_000;

interface Known {
  readonly addresses: readonly string[];
  /** when it was answered */
  readonly atMs: number;
}

/** A look under way. */
interface Preflight {
  readonly done: Promise<void>;
  readonly sinceMs: number;
}

const NOTHING: Known = { addresses: [], atMs: 0 };

/** IPv6 first, then one of each in turn (RFC 8305 §4). */
const interleave = (ipv6: readonly string[], ipv4: readonly string[]): string[] => {
  const all: string[] = [];
  for (let i = 0; i < Math.max(ipv6.length, ipv4.length); i += 1)
    for (const one of [ipv6[i], ipv4[i]]) if (one !== undefined) all.push(one);
  return all;
};

/** Of what is absent the DNS client tells no TTL; what nobody could tell is asked for again soon. */
const ttlOf = (answer: FamilyAnswer): number => {
  if (answer === undefined) return 0;
  return answer.addresses.length === 0 ? LONGEST_MS : Math.min(LONGEST_MS, answer.ttlMs);
};

export const createUpstreamAddresses = (options: UpstreamAddressesOptions): UpstreamAddresses => {
  const { host, resolve, onLook, nowMs = () => performance.now() } = options;
  if (isIP(host) !== 0) {
    const own = Object.freeze([host]);
    return { current: () => Promise.resolve(own), isCurrent: (address) => address === host };
  }

  let ipv4 = NOTHING;
  let ipv6 = NOTHING;
  let addresses: readonly string[] = [];
  let nextLookMs = -Infinity;
  let error: Error | undefined;
  let looking: Preflight | undefined;

  /** A family nobody could tell of stays as it was, for a day: half an answer must not take the other half away. */
  const merge = (before: Known, answer: FamilyAnswer): Known => {
    if (answer !== undefined) return { addresses: answer.addresses, atMs: nowMs() };
    return nowMs() - before.atMs <= STALE_MS ? before : NOTHING;
  };
  const take = (found: Resolved | undefined): void => {
    ipv4 = merge(ipv4, found?.ipv4);
    ipv6 = merge(ipv6, found?.ipv6);
    addresses = interleave(ipv6.addresses, ipv4.addresses);
    const ttlMs = Math.min(ttlOf(found?.ipv4), ttlOf(found?.ipv6));
    nextLookMs = nowMs() + Math.max(SHORTEST_MS, ttlMs);
  };
  const look = async (): Promise<void> => {
    try {
      take(await resolve(host));
      error = undefined;
    } catch (cause) {
      error = cause instanceof Error ? cause : new Error(String(cause));
      take(undefined);
    }
    looking = undefined;
    onLook(error === undefined ? 'answered' : addresses.length > 0 ? 'kept' : 'failed', error);
  };
  const isDue = (): boolean => nowMs() >= nextLookMs;
  const start = (): Preflight => {
    // behind a promise: `look` must not end before `looking` is set
    looking ??= { done: Promise.resolve().then(look), sinceMs: nowMs() };
    return looking;
  };

  /** An answer that is due is waited for, and only as long as there is nothing older to go by. */
  const waited = async ({ done, sinceMs }: Preflight): Promise<void> => {
    if (addresses.length === 0) {
      await done;
      return;
    }
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((end) => {
      timer = setTimeout(end, Math.max(0, sinceMs + PATIENCE_MS - nowMs()));
    });
    await Promise.race([done, patience]);
    clearTimeout(timer);
  };

  return {
    current: async () => {
      // with nothing known each one who asks is a look, one at a time
      if (isDue() || addresses.length === 0) await waited(start());
      if (addresses.length === 0) throw error ?? new Error(`"${host}" has no address`);
      return addresses;
    },
    isCurrent: (address) => {
      if (isDue()) start();
      // with nothing known, what stands is better than nothing
      return addresses.length === 0 || addresses.includes(address);
    },
  };
};
