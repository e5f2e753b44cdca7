// Watches changed records spread: asks the authoritative servers of a name and some resolvers again and again, until each of them
// has the wanted records. Prints nothing, changes nothing.

import { NODATA } from 'node:dns';
import { isIP } from 'node:net';
import type { Clock } from '../core/platform/clock.ts';
import { lookUpName } from '../dns/name-facts.ts';
import { createDnsResolver, type DnsResolver } from '../dns/resolver.ts';
import { compareRecord, type WantedRecord } from './records.ts';

export interface WatchedServer {
  /** `ADDRESS:PORT`, IPv6 in brackets */
  readonly address: string;
  /** the zone that it serves; absent for a resolver */
  readonly zone?: string;
}

export interface Sighting {
  readonly server: WatchedServer;
  /** `old`: it has something else, or nothing */
  readonly state: 'ok' | 'old' | 'failed';
  /** what it has instead, as `A 192.0.2.1`; empty with `ok` */
  readonly has: readonly string[];
}

export interface DomainProgress {
  readonly domain: string;
  readonly sightings: readonly Sighting[];
  /** why its authoritative servers were not found */
  readonly problem?: string;
  readonly isDone: boolean;
}

export interface Watched {
  readonly domain: string;
  /** optional ones are not waited for */
  readonly records: readonly WantedRecord[];
}

export interface WatchTools {
  /** authoritative servers of the zone that a name is in; rejects when there are none */
  readonly findServers: (name: string, signal: AbortSignal) => Promise<readonly WatchedServer[]>;
  /** watched too; the first also answers questions that lead out of an authoritative server's zone */
  readonly resolvers: readonly string[];
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly limitMs: number;
  /** called after every round */
  readonly onRound: (progress: readonly DomainProgress[]) => void;
}

const MOST_AT_ONCE = 8;
/** a server that is slow now is asked again anyway */
const TRY_MS = 1_500;

/** Often at first, when a person watches; rarely later, when everybody waits for the TTL of the old answer. */
const pauseAfter = (elapsedMs: number): number => {
  if (elapsedMs < 120_000) return 5_000;
  return elapsedMs < 1_800_000 ? 15_000 : 60_000;
};

const isBelow = (name: string, zone: string): boolean => name === zone || name.endsWith(`.${zone}`);

/** An authoritative server knows its own zone only: where an alias leads out of it, the resolver answers. */
const authoritativeView = (own: DnsResolver, zone: string, resolver: DnsResolver): DnsResolver => ({
  ask: async (type, name, signal) => {
    if (!isBelow(name, zone)) return resolver.ask(type, name, signal);
    const answer = await own.ask(type, name, signal);
    if (answer.state !== 'absent' || answer.error.code !== NODATA || type === 'CNAME') return answer;
    const [alias] = (await own.ask('CNAME', name, signal)).records;
    return alias === undefined || isBelow(alias, zone) ? answer : resolver.ask(type, alias, signal);
  },
});

/** `A `; empty where the value shows its kind */
const kindOf = (type: WantedRecord['type'], [first = '']: readonly string[]): string => {
  if (first.startsWith('CNAME ')) return '';
  if (isIP(first) === 0) return `${type} `;
  return isIP(first) === 4 ? 'A ' : 'AAAA ';
};

const askServer = async (
  server: WatchedServer,
  records: readonly WantedRecord[],
  { resolver, signal }: { readonly resolver: DnsResolver; readonly signal: AbortSignal },
): Promise<Sighting> => {
  const own = createDnsResolver({ servers: [server.address], tryMs: TRY_MS });
  const view = server.zone === undefined ? own : authoritativeView(own, server.zone, resolver);
  const names = [...new Set(records.map(({ name }) => name))];
  const facts = new Map(
    await Promise.all(names.map(async (name) => [name, await lookUpName(view, name, signal)] as const)),
  );
  const targets = records.flatMap(({ type, within, values: [value] }) =>
    type === 'CNAME' && within === undefined ? (value ?? []) : [],
  );
  const target = targets[0] === undefined ? undefined : await lookUpName(resolver, targets[0], signal);
  const views = records.flatMap((wanted) => {
    const present = facts.get(wanted.name);
    if (present === undefined) return [];
    return [compareRecord(wanted, { facts: present, ...(target === undefined ? {} : { target }) })];
  });
  const open = views.filter(({ state }) => state !== 'ok');
  if (open.length === 0) return { server, state: 'ok', has: [] };
  if (open.every(({ state }) => state === 'failed')) {
    const failures = [...facts.values()].flatMap((one) => one.failures);
    const codes = new Set(failures.map((failure) => failure.replace(/^\w+: (E(?!CONN))?/, '')));
    return { server, state: 'failed', has: [...codes] };
  }
  const has = open.map(
    ({ type, now }) => `${kindOf(type, now)}${now.length === 0 ? 'none' : now.join(', ')}`,
  );
  return { server, state: 'old', has };
};

/**
 * Asks in rounds until everything is everywhere, the time is over or `signal` aborts. Never rejects.
 * @returns the last round
 */
export const watchPropagation = async (
  watched: readonly Watched[],
  { findServers, resolvers, clock, signal, limitMs, onRound }: WatchTools,
): Promise<readonly DomainProgress[]> => {
  const resolver = createDnsResolver({ servers: resolvers.slice(0, 1), tryMs: TRY_MS });
  const startMs = clock.now();
  const progress: DomainProgress[] = watched.map(({ domain }) => ({ domain, sightings: [], isDone: false }));

  const ask = async ({ domain, records }: Watched): Promise<DomainProgress> => {
    const required = records.filter(({ optional }) => !optional);
    let problem: string | undefined;
    const authoritative = await findServers(domain, signal).catch((error: unknown) => {
      problem = error instanceof Error ? error.message : String(error);
      return [];
    });
    const servers = [...authoritative, ...resolvers.map((address) => ({ address }))];
    const sightings = await Promise.all(
      servers.map((server) => askServer(server, required, { resolver, signal })),
    );
    const isDone = problem === undefined && sightings.every(({ state }) => state === 'ok');
    return { domain, sightings, isDone, ...(problem === undefined ? {} : { problem }) };
  };

  const round = async (): Promise<void> => {
    const queue = [...watched.entries()].filter(([index]) => progress[index]?.isDone !== true);
    const work = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined && !signal.aborted; next = queue.shift()) {
        progress[next[0]] = await ask(next[1]);
      }
    };
    await Promise.all(Array.from({ length: Math.min(MOST_AT_ONCE, queue.length) }, work));
  };

  while (!signal.aborted) {
    // rejects only when `signal` aborts
    await round().catch(() => undefined);
    if (signal.aborted) break;
    onRound([...progress]);
    const elapsedMs = clock.now() - startMs;
    if (progress.every(({ isDone }) => isDone) || elapsedMs >= limitMs) break;
    await clock.sleep(Math.min(pauseAfter(elapsedMs), limitMs - elapsedMs), signal);
  }
  return [...progress];
};
