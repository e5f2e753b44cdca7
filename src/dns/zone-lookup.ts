// Where a record has to be put, and whether it is seen there: the end of an alias, the zone of a name, the authoritative servers of
// a zone. On the path of dns-01 and of `linkgate dns --wait`. Must not change anything.

import { isIPv6 } from 'node:net';
import { LinkgateError } from '../core/errors.ts';
import type { ListenAddress } from '../core/settings.ts';
import { ENDLESS, followAliases } from './aliases.ts';
import { createDnsResolver, type DnsError, type DnsRecords, type DnsRecordType } from './resolver.ts';

/** Each function rejects with `ERR_DNS_UNAVAILABLE`, or with the reason of `signal`. */
export interface ZoneLookup {
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

export interface ZoneLookupOptions {
  /** instead of the system's */
  readonly resolvers: readonly ListenAddress[];
  /** of authoritative servers (53) */
  readonly serverPort?: number;
}

/** no more are asked: what eight servers have, the others will have */
const MOST_SERVERS = 8;

const addressText = (host: string, port: number): string =>
  isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;

const unavailable = (what: string): LinkgateError => new LinkgateError('ERR_DNS_UNAVAILABLE', what);

const failed = (what: string, error: DnsError): LinkgateError =>
  new LinkgateError('ERR_DNS_UNAVAILABLE', `${what} could not be looked up: ${error.code ?? 'UNKNOWN'}`, {
    cause: error,
  });

export const createZoneLookup = ({ resolvers, serverPort = 53 }: ZoneLookupOptions): ZoneLookup => {
  const resolver = createDnsResolver({ servers: resolvers.map(({ host, port }) => addressText(host, port)) });

  /** Empty when there is no such record. */
  const ask = async <T extends DnsRecordType>(
    type: T,
    name: string,
    { what = `"${name}"`, signal }: { readonly what?: string; readonly signal: AbortSignal },
  ): Promise<readonly DnsRecords[T][]> => {
    const answer = await resolver.ask(type, name, signal);
    if (answer.state === 'failed') throw failed(what, answer.error);
    return answer.records;
  };

  /** One address: IPv4 where there is any. */
  const findAddress = async (server: string, signal: AbortSignal): Promise<string | undefined> =>
    ((await ask('A', server, { signal }))[0] ?? (await ask('AAAA', server, { signal }))[0])?.address;

  return {
    followAlias: async (name, signal) => {
      const { chain, isEndless, error } = await followAliases(resolver, name, signal);
      const end = chain.at(-1) ?? name;
      if (error !== undefined) throw failed(`alias of "${end}"`, error);
      if (isEndless) throw unavailable(`"${name}": ${ENDLESS}`);
      return end;
    },

    findZone: async (name, signal) => {
      const labels = name.split('.');
      for (const start of labels.keys()) {
        const zone = labels.slice(start).join('.');
        const what = `zone "${zone}"`;
        // An alias is no zone: an SOA record that is found below it belongs to the zone at its end.
        const isAlias = (await ask('CNAME', zone, { what, signal })).length > 0;
        if (!isAlias && (await ask('SOA', zone, { what, signal })).length > 0) return zone;
      }
      throw unavailable(`zone of "${name}" was not found`);
    },

    findServers: async (zone, signal) => {
      const names = await ask('NS', zone, { what: `name servers of "${zone}"`, signal });
      const found: string[] = [];
      for (const server of names.slice(0, MOST_SERVERS)) {
        const host = await findAddress(server, signal);
        if (host !== undefined) found.push(addressText(host, serverPort));
      }
      if (found.length > 0) return found;
      throw unavailable(`name servers of "${zone}" were not found`);
    },

    hasTxt: async (server, { name, value }, signal) => {
      const { records } = await createDnsResolver({ servers: [server] }).ask('TXT', name, signal);
      return records.some((text) => text === value);
    },
  };
};
