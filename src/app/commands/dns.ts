// `linkgate dns`: which records the settings call for, where this proxy is, which servers serve a name's zone. Asks the DNS and reads
// this machine's interfaces. Changes nothing.

import { BlockList, isIP, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { isDomainName, normalizeName, unknownDomain } from '../../core/domain-name.ts';
import { LinkgateError } from '../../core/errors.ts';
import type { ListenAddress, Settings } from '../../core/settings.ts';
import { judgeCaa } from '../../dns/caa-judgement.ts';
import { lookUpName } from '../../dns/name-facts.ts';
import { createDnsResolver } from '../../dns/resolver.ts';
import { createZoneLookup } from '../../dns/zone-lookup.ts';
import type { WatchedServer } from '../../doctor/propagation.ts';
import { compareRecord, wantedRecords, type ProxyTarget, type RecordView } from '../../doctor/records.ts';
import { readPublicCas } from '../issuers.ts';
import { storageOf } from '../storage-owner.ts';

/** Networks that nobody outside can reach (RFC 6890). */
const NOT_PUBLIC = new BlockList();
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['224.0.0.0', 3],
] as const)
  NOT_PUBLIC.addSubnet(network, bits, 'ipv4');
for (const [network, bits] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  NOT_PUBLIC.addSubnet(network, bits, 'ipv6');

const isPublic = (address: string): boolean => !NOT_PUBLIC.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');

/** Addresses of this machine, without the zone of a link-local one. */
const ownAddresses = (): readonly string[] =>
  Object.values(networkInterfaces())
    .flat()
    .flatMap((one) => (one === undefined || one.internal ? [] : [one.address]));

export interface FoundTarget {
  readonly target: ProxyTarget;
  /** from a person, from `listen`, or from this machine's interfaces */
  readonly by: 'word' | 'listen' | 'interfaces';
}

/**
 * 1. What a person says: addresses, or one name.
 * 2. The address that https listens on, when it is one and public.
 * 3. The public addresses of this machine, of the families that are listened on.
 * @throws LinkgateError `ERR_USAGE` for words that are neither, and when nothing is known
 */
export const findTarget = (
  words: readonly string[],
  { host }: ListenAddress,
  addresses: readonly string[] = ownAddresses(),
): FoundTarget => {
  const names = words.filter((word) => isIP(word) === 0).map(normalizeName);
  const wrong = names.find((name) => !isDomainName(name));
  if (wrong !== undefined) {
    throw new LinkgateError('ERR_USAGE', `option --to "${wrong}" is no address and no name`);
  }
  const [name] = names;
  if (name !== undefined) {
    if (words.length > 1) throw new LinkgateError('ERR_USAGE', 'option --to takes addresses, or one name');
    return { target: { name }, by: 'word' };
  }
  if (words.length > 0) return { target: { addresses: [...new Set(words)] }, by: 'word' };
  const isEvery = host === '0.0.0.0' || host === '::';
  if (!isEvery && isPublic(host)) return { target: { addresses: [host] }, by: 'listen' };
  const found = isEvery
    ? addresses.filter((address) => isPublic(address) && (host === '::' || !isIPv6(address)))
    : [];
  if (found.length > 0) return { target: { addresses: found }, by: 'interfaces' };
  throw new LinkgateError(
    'ERR_USAGE',
    'public address of this proxy is not known: say it with --to ADDRESS, or --to NAME for a CNAME',
  );
};

const challengesOf = ({
  issuers,
}: Settings['certificates']): { challengeZone?: string; isChallengeNeeded: boolean } => {
  for (const issuer of issuers) {
    if (issuer.type !== 'acme' || issuer.dns?.provider.type !== 'rfc2136') continue;
    const { zone } = issuer.dns.provider;
    if (zone === undefined) continue;
    const isChallengeNeeded = issuer.challenges.every((type) => type === 'dns-01');
    return { challengeZone: normalizeName(zone), isChallengeNeeded };
  }
  return { isChallengeNeeded: false };
};

/** The wanted names, or all. @throws LinkgateError `ERR_CERT_UNKNOWN_NAME` */
const namesOf = ({ domains }: Settings, wanted: readonly string[]): readonly string[] => {
  const known = domains.map(({ name }) => name);
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown !== undefined) throw unknownDomain(unknown, known);
  return wanted.length === 0 ? known : wanted;
};

export interface DomainRecords {
  readonly domain: string;
  readonly records: readonly RecordView[];
}

export interface ShowOptions {
  readonly settings: Settings;
  /** empty: all */
  readonly domains: readonly string[];
  readonly target: ProxyTarget;
  /** `ADDRESS:PORT`, asked instead of the system's */
  readonly resolvers?: readonly string[];
}

const MOST_AT_ONCE = 8;

/** @throws LinkgateError `ERR_CERT_UNKNOWN_NAME`; a DNS that fails is a state of a record */
export const showRecords = async (options: ShowOptions): Promise<readonly DomainRecords[]> => {
  const { settings, target, resolvers = [] } = options;
  const resolver = createDnsResolver({ servers: resolvers });
  const { certificates } = settings;
  const askers = await readPublicCas(certificates, storageOf(settings));
  const challenges = challengesOf(certificates);
  const targetFacts = 'name' in target ? await lookUpName(resolver, target.name) : undefined;
  const one = async (name: string): Promise<DomainRecords> => {
    const wanted = wantedRecords({ name, target, cas: askers, ...challenges });
    const [facts, caa] = await Promise.all([
      lookUpName(resolver, name),
      judgeCaa(resolver, { name, askers }),
    ]);
    const records = await Promise.all(
      wanted.map(async (record) => {
        const isOwn = record.name === name || record.type === 'CAA';
        return compareRecord(record, {
          facts: isOwn ? facts : await lookUpName(resolver, record.name),
          ...(targetFacts === undefined || record.within !== undefined ? {} : { target: targetFacts }),
          caa,
        });
      }),
    );
    // no record wanted and none there: nothing to show
    return {
      domain: name,
      records: records.filter(({ values, state }) => values.length > 0 || state === 'differs'),
    };
  };
  const names = namesOf(settings, options.domains);
  const shown: DomainRecords[] = [];
  for (let at = 0; at < names.length; at += MOST_AT_ONCE) {
    shown.push(...(await Promise.all(names.slice(at, at + MOST_AT_ONCE).map(one))));
  }
  return shown;
};

/** The authoritative servers of the zone that a name is in, found by `resolvers`. */
export const createFindServers = (
  resolvers: readonly ListenAddress[],
  serverPort = 53,
): ((name: string, signal: AbortSignal) => Promise<readonly WatchedServer[]>) => {
  const lookup = createZoneLookup({ resolvers, serverPort });
  return async (name, signal) => {
    const zone = await lookup.findZone(name, signal);
    return (await lookup.findServers(zone, signal)).map((address) => ({ address, zone }));
  };
};
