// Questions to name servers. The only place that asks them; every other file of this folder asks through it. Each question has a
// limit in time and a signal. Must not judge an answer.

import { NODATA, NOTFOUND, TIMEOUT } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { setTimeout } from 'node:timers';
import { normalizeName } from '../core/domain-name.ts';
import type { CaaRecord } from './caa.ts';

export interface TimedAddress {
  readonly address: string;
  /** seconds */
  readonly ttl: number;
}

/** Kind of record → one record of it. Names are in lower case, without the final dot. */
export interface DnsRecords {
  readonly A: TimedAddress;
  readonly AAAA: TimedAddress;
  readonly CAA: CaaRecord;
  readonly CNAME: string;
  readonly NS: string;
  /** name of the zone's first server */
  readonly SOA: string;
  /** the strings of one record, joined */
  readonly TXT: string;
}

export type DnsRecordType = keyof DnsRecords;

/** `code` as node:dns has it: `ENOTFOUND`, `ENODATA`, `ESERVFAIL`, `ETIMEOUT` … */
export type DnsError = NodeJS.ErrnoException;

/** `absent`: a server says that there is no such name or record. `failed`: no server could say. */
export type DnsAnswer<T> =
  | { readonly state: 'found'; readonly records: readonly T[] }
  | { readonly state: 'absent' | 'failed'; readonly records: readonly []; readonly error: DnsError };

export interface DnsResolver {
  /** Rejects with the reason of `signal` only. */
  ask<T extends DnsRecordType>(
    type: T,
    name: string,
    signal?: AbortSignal,
  ): Promise<DnsAnswer<DnsRecords[T]>>;
}

export interface DnsResolverOptions {
  /** `ADDRESS` or `ADDRESS:PORT`; the system's when absent or empty */
  readonly servers?: readonly string[];
  /** for the first try of one server (3 s); c-ares doubles it for the second */
  readonly tryMs?: number;
  readonly tries?: number;
  /** for one question, whatever number of servers and tries (10 s) */
  readonly limitMs?: number;
}

type Query<T extends DnsRecordType> = (resolver: Resolver, name: string) => Promise<readonly DnsRecords[T][]>;

const QUERIES: { readonly [T in DnsRecordType]: Query<T> } = {
  A: (resolver, name) => resolver.resolve4(name, { ttl: true }),
  AAAA: (resolver, name) => resolver.resolve6(name, { ttl: true }),
  CAA: async (resolver, name) => (await resolver.resolveCaa(name)) as unknown as readonly CaaRecord[],
  CNAME: async (resolver, name) => (await resolver.resolveCname(name)).map(normalizeName),
  NS: async (resolver, name) => (await resolver.resolveNs(name)).map(normalizeName),
  SOA: async (resolver, name) => [normalizeName((await resolver.resolveSoa(name)).nsname)],
  TXT: async (resolver, name) => (await resolver.resolveTxt(name)).map((strings) => strings.join('')),
};

const fault = (type: DnsRecordType, name: string, code: string): DnsError =>
  Object.assign(new Error(`query${type} ${code} ${name}`), { code });

const answerOf = <T>(records: readonly T[], none: () => DnsError): DnsAnswer<T> =>
  records.length > 0 ? { state: 'found', records } : { state: 'absent', records: [], error: none() };

export const createDnsResolver = (options: DnsResolverOptions = {}): DnsResolver => {
  const { servers = [], tryMs = 3_000, tries = 2, limitMs = 10_000 } = options;
  return {
    ask: async (type, name, signal) => {
      signal?.throwIfAborted();
      // One for each question: it reads resolv.conf again, and to cancel it cancels nothing else.
      const resolver = new Resolver({ timeout: tryMs, tries });
      if (servers.length > 0) resolver.setServers(servers);
      const cancel = (): void => resolver.cancel();
      let isLate = false;
      const timer = setTimeout(() => {
        isLate = true;
        cancel();
      }, limitMs);
      signal?.addEventListener('abort', cancel, { once: true });
      try {
        return answerOf(await QUERIES[type](resolver, name), () => fault(type, name, NODATA));
      } catch (thrown) {
        signal?.throwIfAborted();
        const error = isLate ? fault(type, name, TIMEOUT) : (thrown as DnsError);
        const isAbsent = error.code === NODATA || error.code === NOTFOUND;
        return { state: isAbsent ? 'absent' : 'failed', records: [], error };
      } finally {
        clearTimeout(timer);
        signal?.removeEventListener('abort', cancel);
      }
    },
  };
};
