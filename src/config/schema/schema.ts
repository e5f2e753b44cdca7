// The schema of the configuration: keys, kinds, defaults, and what each value may be by itself.
// config/checks/checks.ts checks values together; it must work on a tree that fails here.

import { isIP } from 'node:net';
import { z } from 'zod';
import { durationMs } from '../../core/text/units.ts';
import { admin } from './admin-schema.ts';
import { domainExtras, limits, log, publicListener, tls, trustedProxies } from './request-schema.ts';
import {
  address,
  alternatives,
  duration,
  expected,
  list,
  mapping,
  oneOf,
  path,
  pattern,
  text,
  wholeNumber,
  type RawIssue,
} from '../values/kinds.ts';
import { DEFAULT_LISTEN, LISTEN_GRAMMAR, parseListen } from '../values/listen-address.ts';
import { quote } from '../text/problems.ts';
import { CHALLENGES, dns, eab, preferredChain, profile } from './issuer-schema.ts';

/** The ACME directories that have a word of their own. */
export const DIRECTORIES: ReadonlyMap<string, string> = new Map([
  ['letsencrypt', 'https://acme-v02.api.letsencrypt.org/directory'],
  ['letsencrypt-staging', 'https://acme-staging-v02.api.letsencrypt.org/directory'],
  ['zerossl', 'https://acme.zerossl.com/v2/DV90'],
  ['google', 'https://dv.acme-v02.api.pki.goog/directory'],
]);

/** The most processes that serve. */
export const MOST_WORKERS = 256;

const adminAddress = () => address(LISTEN_GRAMMAR, (value) => parseListen('admin', value) !== undefined);

/** An https URL without userinfo, or undefined. */
const httpsUrl = (value: string): URL | undefined => {
  // `URL` drops tabs, line ends and leading blanks without an error
  if (!/^https:\/\/[^\s\\]+$/i.test(value) || !URL.canParse(value)) return undefined;
  const url = new URL(value);
  return url.protocol === 'https:' && url.username === '' && url.password === '' && !value.includes('@')
    ? url
    : undefined;
};

const isOrigin = (value: string): boolean => {
  const url = httpsUrl(value);
  return url !== undefined && url.pathname === '/' && url.port !== '0' && !/[?#]|\/\/.*\/./.test(value);
};

const upstreamUrl = () => pattern('https://HOST or https://HOST:PORT with nothing behind it', isOrigin);

const isServerName = (value: string): boolean =>
  value.length <= 253 && /^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/i.test(value) && isIP(value) === 0;

const serverName = () => pattern('a host name', isServerName);

const directory = () =>
  text(alternatives([...DIRECTORIES.keys(), 'an https URL']), (value) => {
    if (DIRECTORIES.has(value)) return undefined;
    const url = httpsUrl(value);
    return url !== undefined && url.hash === ''
      ? undefined
      : `must be ${alternatives([...DIRECTORIES.keys(), 'an https URL'])}, not ${quote(value)}`;
  });

/** Whether a CA takes it as a contact. */
export const isEmailAddress = (value: string): boolean =>
  value.length <= 254 && /^[!-?A-~]+@[A-Za-z0-9.-]+$/.test(value);

const email = () => pattern('one e-mail address', isEmailAddress);

const region = () => oneOf(['us', 'eu']);

const regionalUpstream = mapping({
  url: upstreamUrl().optional(),
  serverName: serverName().optional(),
  caFile: path().optional(),
});

const acmeIssuer = mapping({
  type: z.literal('acme'),
  directory: directory().default('letsencrypt'),
  email: email().optional(),
  challenges: list(oneOf(CHALLENGES))
    .min(1, { error: `names no challenge: give ${alternatives(CHALLENGES)}` })
    .default(['http-01', 'tls-alpn-01']),
  caFile: path().optional(),
  eab: eab().optional(),
  profile: profile().optional(),
  preferredChain: preferredChain().optional(),
  dns: dns().optional(),
});

const keyType = () => oneOf(['ecdsa-p256', 'ecdsa-p384', 'rsa-2048']);

const localIssuer = mapping({ type: z.literal('local') });

const issuer = z.discriminatedUnion('type', [acmeIssuer, localIssuer], {
  error: (issue: RawIssue) => {
    if (issue.code !== 'invalid_union') return expected('a mapping')(issue);
    const type = (issue.input as { readonly type?: unknown } | undefined)?.type;
    return expected('acme or local')({ input: type });
  },
});

/** The configuration file. The defaults are those of docs/configuration.md; a mapping that is left out has the defaults of its keys. */
export const configSchema = mapping({
  listen: mapping({
    https: publicListener().default(DEFAULT_LISTEN.https),
    http: publicListener().default(DEFAULT_LISTEN.http),
    admin: adminAddress().default(DEFAULT_LISTEN.admin),
  }).prefault({}),
  admin: admin(),
  upstream: mapping({
    region: region().default('us'),
    url: upstreamUrl().optional(),
    serverName: serverName().optional(),
    caFile: path().optional(),
    connectTimeout: duration().default('3s'),
    responseTimeout: duration().default('15s'),
    maxConnections: wholeNumber(1, 65_535).default(128),
    regions: mapping({ us: regionalUpstream.optional(), eu: regionalUpstream.optional() }).prefault({}),
  }).prefault({}),
  certificates: mapping({
    storage: mapping({
      type: oneOf(['file']).default('file'),
      path: path().default('/var/lib/linkgate/certs'),
    }).prefault({}),
    keyType: keyType().default('ecdsa-p256'),
    issuers: list(issuer)
      .min(1, { error: 'names no issuer: give at least one' })
      .max(16, { error: 'has more than 16 issuers' })
      .prefault([{ type: 'acme' }]),
    keepServing: z.boolean({ error: expected('true or false') }).optional(),
  }).prefault({}),
  domains: list(
    mapping({
      keyType: keyType().optional(),
      // config/checks/checks.ts checks it together with the names of domainsFile.
      name: z.string({ error: expected('a domain name') }),
      region: region().optional(),
      ...domainExtras,
    }),
  ).default([]),
  domainsFile: path().optional(),
  trustedProxies: trustedProxies(),
  tls: tls(),
  limits: limits(),
  log: log(),
  drainTimeout: pattern('a duration from 1s to 10m such as 20s', (value) => {
    const ms = durationMs(value);
    return ms !== undefined && ms >= 1_000 && ms <= 600_000;
  }).default('20s'),
  workers: z
    .union([z.literal('auto'), wholeNumber(1, MOST_WORKERS, 'auto or ')], {
      error: expected(`auto or a whole number from 1 to ${MOST_WORKERS}`),
    })
    .default('auto'),
});

/** The configuration as the schema reads it, with its defaults. */
export type Config = z.output<typeof configSchema>;
