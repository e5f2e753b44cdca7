// A valid configuration → the settings the program works with: words become addresses, numbers and absolute paths.

import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { normalizeName } from '../core/domain-name.ts';
import type {
  DomainSettings,
  IssuerSettings,
  Listen,
  PublicListen,
  Region,
  Settings,
  UniversalLinkFile,
  UpstreamId,
  UpstreamSettings,
} from '../core/settings.ts';
import { durationMs } from '../core/text/units.ts';
import { adminOf } from './schema/admin-schema.ts';
import { LinkgateError } from '../core/errors.ts';
import type { FileContents } from './checks/checks.ts';
import { limitsOf } from './values/limits.ts';
import { parseListen, type ListenerName } from './values/listen-address.ts';
import { acmeExtras } from './issuer-settings.ts';
import { DIRECTORIES, MOST_WORKERS } from './schema/schema.ts';
import type { Config } from './schema/schema.ts';

/** Customer.io's own trackers. */
const TRACKERS: Readonly<Record<Region, string>> = {
  us: 'https://e.customeriomail.com',
  eu: 'https://e-eu.customeriomail.com',
};

/** A value that passed the schema and cannot be read here is a bug. */
const known = <T>(value: T | undefined, what: string): T => {
  if (value === undefined)
    throw new LinkgateError('ERR_INTERNAL', `${what} passed the schema and cannot be read`);
  return value;
};

const publicListen = (name: ListenerName, written: Config['listen']['https']): PublicListen =>
  typeof written === 'string'
    ? listen(name, written)
    : { ...listen(name, written.address), proxyProtocol: written.proxyProtocol };
const listen = (name: ListenerName, text: string): Listen => known(parseListen(name, text), 'listen address');
const duration = (text: string): number => known(durationMs(text), 'duration');

interface WrittenUpstream {
  readonly url?: string | undefined;
  readonly serverName?: string | undefined;
  readonly caFile?: string | undefined;
}

const upstream = (
  id: UpstreamId,
  written: WrittenUpstream,
  { caFiles }: FileContents,
  path: (text: string) => string,
): UpstreamSettings => {
  const url = new URL(written.url ?? TRACKERS[id === 'custom' ? 'us' : id]);
  const serverName = normalizeName(written.serverName ?? url.hostname);
  const caFile = written.caFile === undefined ? undefined : path(written.caFile);
  return {
    id,
    origin: url.origin,
    serverName,
    ...(caFile === undefined ? {} : { caFile, caPem: known(caFiles.get(caFile), 'CA file') }),
  };
};

/** The key types of domains that have their own; nothing when no domain has one. */
const keyTypesOf = (config: Config, files: FileContents): Pick<Settings['certificates'], 'keyTypes'> => {
  const own = [...config.domains, ...files.domains].flatMap(({ name, keyType }) =>
    keyType === undefined ? [] : ([[normalizeName(name), keyType]] as const),
  );
  return own.length === 0 ? {} : { keyTypes: Object.fromEntries(own) };
};

const issuer = (
  written: Config['certificates']['issuers'][number],
  path: (text: string) => string,
): IssuerSettings => {
  if (written.type === 'local') return { type: 'local', name: 'local' };
  const word = DIRECTORIES.get(written.directory);
  return {
    type: 'acme',
    name: word === undefined ? new URL(written.directory).host : written.directory,
    directory: word ?? written.directory,
    ...(written.email === undefined ? {} : { email: written.email }),
    challenges: [...new Set(written.challenges)],
    ...acmeExtras(written, path),
    ...(written.caFile === undefined ? {} : { caFile: path(written.caFile) }),
  };
};

type CommonDomain = Pick<FileContents['domains'][number], 'name' | 'redirectHttp'> & {
  readonly region?: Region | undefined;
};

const domainOf = ({ name, region, redirectHttp }: CommonDomain, byDefault: UpstreamId): DomainSettings => ({
  name: normalizeName(name),
  upstream: region ?? byDefault,
  redirectHttp,
});

const universalLinksOf = (
  written: Config['domains'][number]['universalLinks'],
  { universalLinks }: FileContents,
  path: (text: string) => string,
): Pick<DomainSettings, 'universalLinks'> => {
  const read = (file: string | undefined): UniversalLinkFile | undefined =>
    file === undefined
      ? undefined
      : { file: path(file), text: known(universalLinks.get(path(file)), 'universal link file') };
  const [apple, android] = [read(written?.apple), read(written?.android)];
  return apple === undefined && android === undefined
    ? {}
    : {
        universalLinks: {
          ...(apple === undefined ? {} : { apple }),
          ...(android === undefined ? {} : { android }),
        },
      };
};

const logOf = (
  { level, format, file, ...log }: Config['log'],
  path: (text: string) => string,
): Settings['log'] => ({
  ...log,
  ...(level === undefined ? {} : { level }),
  ...(format === undefined ? {} : { format }),
  ...(file === undefined ? {} : { file: path(file) }),
});

const deepFreeze = <T>(value: T): T => {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
};

/**
 * Which upstream a domain goes to:
 * 1. its own region
 * 2. `upstream.url`
 * 3. `upstream.region`
 * A region's address is `upstream.regions.<region>.url`, else Customer.io's own.
 */
export const resolveSettings = (config: Config, files: FileContents, directory: string): Settings => {
  const path = (text: string): string => resolve(directory, text);
  const { keepServing = false } = config.certificates;
  const { regions, caFile, ...own } = config.upstream;
  const byDefault: UpstreamId = own.url === undefined ? own.region : 'custom';
  const domains = [
    ...config.domains.map((written): DomainSettings => ({
      ...domainOf(written, byDefault),
      ...(written.hsts === undefined ? {} : { hstsMaxAgeSeconds: duration(written.hsts) / 1000 }),
      ...universalLinksOf(written.universalLinks, files, path),
    })),
    ...files.domains.map((written) => domainOf(written, byDefault)),
  ];
  const used = new Set(domains.map((domain) => domain.upstream));
  const written: Record<UpstreamId, WrittenUpstream> = {
    us: { caFile, ...regions.us },
    eu: { caFile, ...regions.eu },
    custom: { caFile, url: own.url, serverName: own.serverName },
  };
  return deepFreeze({
    listen: {
      https: publicListen('https', config.listen.https),
      http: publicListen('http', config.listen.http),
      admin: listen('admin', config.listen.admin),
    },
    ...adminOf(config.admin, path),
    upstreams: (['us', 'eu', 'custom'] as const)
      // A removed domain may have been the last one of its region.
      .filter((id) => used.has(id) || (keepServing && id !== 'custom'))
      .map((id) => upstream(id, written[id], files, path)),
    upstreamUse: {
      connectTimeoutMs: duration(own.connectTimeout),
      responseTimeoutMs: duration(own.responseTimeout),
      maxConnections: own.maxConnections,
    },
    certificates: {
      storage: { type: 'file', path: path(config.certificates.storage.path) },
      keyType: config.certificates.keyType,
      ...keyTypesOf(config, files),
      issuers: config.certificates.issuers.map((one) => issuer(one, path)),
      ...(keepServing ? { keepServing } : {}),
    },
    domains,
    trustedProxies: config.trustedProxies,
    log: logOf(config.log, path),
    ...(config.tls.profile === 'intermediate' ? {} : { tlsProfile: config.tls.profile }),
    ...limitsOf(config.limits),
    drainMs: duration(config.drainTimeout),
    workers: config.workers === 'auto' ? Math.min(MOST_WORKERS, availableParallelism()) : config.workers,
  });
};
