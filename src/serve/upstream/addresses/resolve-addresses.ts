// The addresses of a name, asked once: the hosts file, then A and AAAA with their TTL, then the system's other sources of names.
// known-addresses.ts remembers them; nothing is remembered here.

import { lookup } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { systemClock } from '../../../core/platform/clock.ts';
import { withTimeout } from '../../../core/platform/deadline.ts';
import { createDnsResolver, type DnsAnswer, type TimedAddress } from '../../../dns/resolver.ts';

/** What is known of one family of addresses: these, for so long; undefined: nobody could say. */
export type FamilyAnswer = { readonly addresses: readonly string[]; readonly ttlMs: number } | undefined;

export interface Resolved {
  readonly ipv4: FamilyAnswer;
  readonly ipv6: FamilyAnswer;
}

/**
 * Looks a name up.
 * @returns at least one family with at least one address
 * @throws the resolver's error (`ENOTFOUND`, `ETIMEOUT` …) when nobody knows an address
 */
export type ResolveAddresses = (name: string) => Promise<Resolved>;

export interface ResolverOptions {
  /** `address[:port]` of name servers instead of the system's */
  readonly servers?: readonly string[];
  readonly hostsFile?: string;
  /** the system's own way: nsswitch, mDNS, search domains */
  readonly askSystem?: (name: string) => Promise<readonly { readonly address: string }[]>;
}

/** A server that answers for one family and not for the other is not waited for any longer (RFC 8305 §3 has 50 ms). */
const OTHER_FAMILY_MS = 250;
/** An answer without a TTL holds as long as known-addresses.ts lets it at least. */
const NO_TTL_MS = 0;
/** more addresses of a family than anybody could try in a connectTimeout */
const MOST_ADDRESSES = 16;
/** One try of one server (there are two, the second twice as long), and all of them together. */
const TRY_MS = 700;
const DNS_MS = 2_000;
/** getaddrinfo has no deadline of its own, and holds a thread until it ends */
const SYSTEM_MS = 5_000;

const ofBothFamilies = (all: readonly string[]): Resolved => ({
  ipv4: { addresses: all.filter((one) => isIP(one) === 4).slice(0, MOST_ADDRESSES), ttlMs: NO_TTL_MS },
  ipv6: { addresses: all.filter((one) => isIP(one) === 6).slice(0, MOST_ADDRESSES), ttlMs: NO_TTL_MS },
});

/** Addresses of a name in a hosts file (hosts(5)), in its order. */
export const inHosts = (text: string, name: string): readonly string[] => {
  const found: string[] = [];
  for (const line of text.split('\n')) {
    const [address = '', ...names] = (line.split('#')[0] ?? '').trim().split(/\s+/);
    if (isIP(address) !== 0 && names.some((one) => one.toLowerCase() === name)) found.push(address);
  }
  return found;
};

interface Family {
  readonly answer: FamilyAnswer;
  readonly error?: unknown;
}

const familyOf = (answer: DnsAnswer<TimedAddress>): Family => {
  if (answer.state !== 'found') {
    const { state, error } = answer;
    return { answer: state === 'absent' ? { addresses: [], ttlMs: NO_TTL_MS } : undefined, error };
  }
  const records = answer.records.slice(0, MOST_ADDRESSES);
  const ttlMs = Math.min(...records.map(({ ttl }) => ttl)) * 1_000;
  return { answer: { addresses: records.map(({ address }) => address), ttlMs } };
};

const hasAddress = ({ answer }: Family): boolean => (answer?.addresses.length ?? 0) > 0;

/**
 * 1. The hosts file, read each time: it wins over the DNS, as for every other program of the machine.
 * 2. A and AAAA at once, from the servers of resolv.conf, also read each time. Neither waits for the other.
 * 3. getaddrinfo, for names that only another source of the system knows. It tells no TTL.
 */
export const createResolveAddresses = ({
  servers = [],
  hostsFile = '/etc/hosts',
  askSystem = (name) => lookup(name, { all: true, verbatim: true }),
}: ResolverOptions = {}): ResolveAddresses => {
  const resolver = createDnsResolver({ servers, tryMs: TRY_MS, limitMs: DNS_MS });

  const inDns = async (name: string): Promise<readonly [Family, Family]> => {
    const done = new AbortController();
    const ask = (type: 'A' | 'AAAA'): Promise<Family> => resolver.ask(type, name, done.signal).then(familyOf);
    const [ipv4, ipv6] = [ask('A'), ask('AAAA')];
    const one = async (family: Promise<Family>, other: Promise<Family>): Promise<Family> => {
      const late = async (): Promise<Family> => {
        // where the other has no address either, nothing is worth hurrying for
        if (!hasAddress(await other)) return family;
        await setTimeout(OTHER_FAMILY_MS, undefined, { ref: false });
        return { answer: undefined };
      };
      return Promise.race([family, late()]);
    };
    const found = await Promise.all([one(ipv4, ipv6), one(ipv6, ipv4)]);
    done.abort();
    return found;
  };

  return async (name) => {
    const hosts = await readFile(hostsFile, 'utf8').catch(() => '');
    const listed = inHosts(hosts, name.toLowerCase());
    if (listed.length > 0) return ofBothFamilies(listed);
    const [ipv4, ipv6] = await inDns(name);
    if (hasAddress(ipv4) || hasAddress(ipv6)) return { ipv4: ipv4.answer, ipv6: ipv6.answer };
    const nothing = (): readonly { readonly address: string }[] => [];
    const asking = askSystem(name).catch(nothing);
    const known = await withTimeout(asking, { clock: systemClock, limitMs: SYSTEM_MS, late: nothing });
    if (known.length > 0) return ofBothFamilies(known.map(({ address }) => address));
    throw ipv4.answer === undefined ? ipv4.error : (ipv6.error ?? ipv4.error);
  };
};
