// Settings → the configuration with the same meaning, for people to read. It shows every default and no secret.
// The result is a valid configuration that loads to the same settings.

import { stringify } from 'yaml';
import type {
  DomainSettings,
  IssuerSettings,
  KeyType,
  PublicListen,
  Settings,
  UpstreamId,
} from '../core/settings.ts';
import { formatDuration } from '../core/text/units.ts';
import { limitsTree } from './values/limits.ts';
import { formatListen } from './values/listen-address.ts';
import { acmeExtrasTree } from './issuer-settings.ts';
import { DIRECTORIES } from './schema/schema.ts';

/** Plain data for YAML or JSON. */
export type SettingsTree = Readonly<Record<string, unknown>>;

const issuerTree = (issuer: IssuerSettings): SettingsTree => {
  if (issuer.type === 'local') return { type: 'local' };
  const { type, name, directory, challenges, email, caFile } = issuer;
  return {
    type,
    directory: DIRECTORIES.get(name) === directory ? name : directory,
    ...(email === undefined ? {} : { email }),
    challenges,
    ...(caFile === undefined ? {} : { caFile }),
    ...acmeExtrasTree(issuer),
  };
};

const listenerTree = (listener: PublicListen): unknown =>
  listener.proxyProtocol === undefined
    ? formatListen(listener)
    : { address: formatListen(listener), proxyProtocol: listener.proxyProtocol };

const domainTree = (domain: DomainSettings, keyType: KeyType | undefined): SettingsTree => {
  const { name, upstream, redirectHttp, hstsMaxAgeSeconds, universalLinks } = domain;
  return {
    name,
    ...(upstream === 'custom' ? {} : { region: upstream }),
    redirectHttp,
    ...(keyType === undefined ? {} : { keyType }),
    ...(hstsMaxAgeSeconds === undefined ? {} : { hsts: formatDuration(hstsMaxAgeSeconds * 1000) }),
    ...(universalLinks === undefined
      ? {}
      : {
          universalLinks: Object.fromEntries(
            Object.entries(universalLinks).map(([kind, { file }]) => [kind, file]),
          ),
        }),
  };
};

/** The effective settings as a plain tree, durations as words. No setting is a secret yet: files are named, not read. */
export const effectiveSettings = (settings: Settings): SettingsTree => {
  const { listen, upstreamUse, certificates } = settings;
  const upstreamTree = (wanted: UpstreamId): SettingsTree | undefined => {
    const found = settings.upstreams.find(({ id }) => id === wanted);
    if (found === undefined) return undefined;
    const { origin, serverName, caFile } = found;
    return { url: origin, serverName, ...(caFile === undefined ? {} : { caFile }) };
  };
  const [us, eu] = [upstreamTree('us'), upstreamTree('eu')];
  return {
    listen: {
      https: listenerTree(listen.https),
      http: listenerTree(listen.http),
      admin: formatListen(listen.admin),
    },
    ...(settings.admin === undefined ? {} : { admin: settings.admin }),
    upstream: {
      ...upstreamTree('custom'),
      connectTimeout: formatDuration(upstreamUse.connectTimeoutMs),
      responseTimeout: formatDuration(upstreamUse.responseTimeoutMs),
      maxConnections: upstreamUse.maxConnections,
      ...(us === undefined && eu === undefined
        ? {}
        : { regions: { ...(us === undefined ? {} : { us }), ...(eu === undefined ? {} : { eu }) } }),
    },
    certificates: {
      storage: { ...certificates.storage },
      keyType: certificates.keyType,
      issuers: certificates.issuers.map(issuerTree),
      ...(certificates.keepServing === true ? { keepServing: true } : {}),
    },
    domains: settings.domains.map((domain) => domainTree(domain, certificates.keyTypes?.[domain.name])),
    trustedProxies: settings.trustedProxies,
    tls: { profile: settings.tlsProfile ?? 'intermediate' },
    limits: limitsTree(settings.limits ?? {}),
    log: settings.log,
    drainTimeout: formatDuration(settings.drainMs),
    workers: settings.workers,
  };
};

/** The effective settings as YAML. */
export const settingsYaml = (settings: Settings): string =>
  stringify(effectiveSettings(settings), { version: '1.2', lineWidth: 0, aliasDuplicateObjects: false });
