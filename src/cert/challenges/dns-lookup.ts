// What dns-01 asks the DNS: where an alias leads, which zone a name is in, who serves that zone, and whether a record is seen
// there. Each answer with a limit in time. Must not change anything.

import { CANCELLED, NODATA, NOTFOUND } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { isIPv6 } from 'node:net';
import { LinkgateError } from '../../core/errors.ts';
import type { ListenAddress } from '../../core/settings.ts';

export interface DnsLookup {
  /** the name that CNAMEs lead to, itself without any */
  followAlias(name: string, signal: AbortSignal): Promise<string>;
  /** apex of the zone that a name is in */
  findZone(name: string, signal: AbortSignal): Promise<string>;
  /** addresses of the authoritative servers of a zone, one for each server */
  findServers(zone: string, signal: AbortSignal): Promise<readonly string[]>;
  /** false when the server says so, or does not answer */
  hasTxt(
    server: string,
    record: { readonly name: string; readonly value: string },
    signal: AbortSignal,
  ): Promise<boolean>;
}

export interface DnsLookupOptions {
  /** instead of the system's */
  readonly resolvers: readonly ListenAddress[];
  /** of authoritative servers (53) */
  readonly serverPort?: number;
}

const QUERY = { timeout: 3_000, tries: 2 } as const;
const MOST_ALIASES = 8;
/** more are not asked: what eight servers have, the others will have */
const MOST_SERVERS = 8;

const address = (host: string, port: number): string =>
  isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;

const isAbsence = (error: unknown): boolean => {
  const { code } = error as NodeJS.ErrnoException;
  return code === NODATA || code === NOTFOUND;
};

const withoutDot = (name: string): string => name.toLowerCase().replace(/\.$/, '');

export const createDnsLookup = ({ resolvers, serverPort = 53 }: DnsLookupOptions): DnsLookup => {
  /** @returns undefined when there is no such record */
  const ask = async <T>(
    what: string,
    servers: readonly string[],
    signal: AbortSignal,
    query: (resolver: Resolver) => Promise<T>,
  ): Promise<T | undefined> => {
    signal.throwIfAborted();
    const resolver = new Resolver(QUERY);
    if (servers.length > 0) resolver.setServers(servers);
    const cancel = (): void => resolver.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      return await query(resolver);
    } catch (error) {
      signal.throwIfAborted();
      if (isAbsence(error)) return undefined;
      const code = (error as NodeJS.ErrnoException).code ?? CANCELLED;
      throw new LinkgateError('ERR_DNS_UNAVAILABLE', `${what} could not be looked up: ${code}`, {
        cause: error,
      });
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  };

  const own = resolvers.map(({ host, port }) => address(host, port));

  return {
    followAlias: async (name, signal) => {
      let at = name;
      for (let step = 0; step <= MOST_ALIASES; step += 1) {
        const found = await ask(`alias of "${at}"`, own, signal, (resolver) => resolver.resolveCname(at));
        const next = found?.[0];
        if (next === undefined) return at;
        at = withoutDot(next);
      }
      throw new LinkgateError('ERR_DNS_UNAVAILABLE', `aliases of "${name}" lead nowhere`);
    },

    findZone: async (name, signal) => {
      const labels = name.split('.');
      for (const start of labels.keys()) {
        const zone = labels.slice(start).join('.');
        const found = await ask(`zone "${zone}"`, own, signal, (resolver) => resolver.resolveSoa(zone));
        if (found !== undefined) return zone;
      }
      throw new LinkgateError('ERR_DNS_UNAVAILABLE', `zone of "${name}" was not found`);
    },

    findServers: async (zone, signal) => {
      const names = await ask(`name servers of "${zone}"`, own, signal, (resolver) =>
        resolver.resolveNs(zone),
      );
      const found: string[] = [];
      for (const server of (names ?? []).slice(0, MOST_SERVERS)) {
        const four = await ask(`"${server}"`, own, signal, (resolver) => resolver.resolve4(server));
        const six = four ?? (await ask(`"${server}"`, own, signal, (resolver) => resolver.resolve6(server)));
        const host = six?.[0];
        if (host !== undefined) found.push(address(host, serverPort));
      }
      if (found.length > 0) return found;
      throw new LinkgateError('ERR_DNS_UNAVAILABLE', `name servers of "${zone}" were not found`);
    },

    hasTxt: async (server, { name, value }, signal) => {
      try {
        const found = await ask(`"${name}"`, [server], signal, (resolver) => resolver.resolveTxt(name));
        return (found ?? []).some((chunks) => chunks.join('') === value);
      } catch {
        signal.throwIfAborted();
        return false;
      }
    },
  };
};
