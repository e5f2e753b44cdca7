// The shape of the configuration: keys, kinds, defaults and what one value by itself may be.
// What two values mean together stands in checks.ts, which must work on a tree that fails here.

import { isIP } from 'node:net';
import { z } from 'zod';
import { durationMs } from '../core/units.ts';
import { LISTEN_GRAMMAR, isLoopback, parseListenAddress } from './listen-address.ts';
import { nearest } from './nearest.ts';
import { quote } from './problems.ts';
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

const EMPTY = 'is empty: give it a value or leave the key out';

type RawIssue = z.core.$ZodRawIssue;

/** The message for a value of the wrong kind, in the words of `what`. */
const expected =
  (what: string) =>
  ({ input }: { readonly input?: unknown }): string => {
    if (input === undefined) return 'is missing';
    return input === null ? EMPTY : `must be ${what}, not ${quote(input)}`;
  };

/** Text with a check of its own; `wrong` says what is wrong with it, or undefined. */
const text = (what: string, wrong: (value: string) => string | undefined) =>
  z
    .string({ error: expected(what) })
    .superRefine((value, context) => {
      const message = wrong(value);
      if (message !== undefined) context.addIssue({ code: 'custom', message, input: value });
    })
    .meta({ description: what });

const pattern = (what: string, valid: (value: string) => boolean) =>
  text(what, (value) => (valid(value) ? undefined : `must be ${what}, not ${quote(value)}`));

const oneOf = <const T extends readonly [string, ...string[]]>(words: T) =>
  z.enum(words, { error: expected(words.length === 1 ? words[0] : alternatives(words)) });

const alternatives = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`;

/** One line for each unknown key, in the order of `keys`, so that load.ts can place each at its own key. */
const unknownKeys = (keys: readonly string[], known: readonly string[]): string =>
  keys
    .map((key) => {
      const meant = nearest(key, known);
      return meant === undefined
        ? `unknown key; known here: ${known.join(', ')}`
        : `unknown key; did you mean ${meant}?`;
    })
    .join('\n');

const mapping = <T extends z.ZodRawShape>(shape: T) =>
  z.strictObject(shape, {
    error: (issue: RawIssue) =>
      issue.code === 'unrecognized_keys'
        ? unknownKeys(issue.keys as readonly string[], Object.keys(shape))
        : expected('a mapping')(issue),
  });

const list = <T extends z.ZodType>(item: T) => z.array(item, { error: expected('a list') });

const wholeNumber = (least: number, most: number, or = '') => {
  const error = expected(`${or}a whole number from ${least} to ${most}`);
  return z.int({ error }).min(least, { error }).max(most, { error });
};

const LONGEST_WAIT_MS = 3_600_000;

const duration = () =>
  pattern('a duration from 1ms to 1h such as 250ms, 5s or 2m', (value) => {
    const ms = durationMs(value);
    return ms !== undefined && ms >= 1 && ms <= LONGEST_WAIT_MS;
  });

const path = (what = 'a path') =>
  text(what, (value) =>
    value === '' || value.includes('\0') ? `must be ${what}, not ${quote(value)}` : undefined,
  );

const listenAddress = () => pattern(LISTEN_GRAMMAR, (value) => parseListenAddress(value) !== undefined);

const adminAddress = () =>
  text(LISTEN_GRAMMAR, (value) => {
    const address = parseListenAddress(value);
    if (address === undefined) return `must be ${LISTEN_GRAMMAR}, not ${quote(value)}`;
    return isLoopback(address)
      ? undefined
      : `must be a loopback address such as 127.0.0.1:9464, not ${quote(value)}`;
  });

/** An https URL without userinfo, or undefined. */
const httpsUrl = (value: string): URL | undefined => {
  // `URL` drops tabs, line ends and leading blanks without a word
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

const email = () =>
  pattern('one e-mail address', (value) => value.length <= 254 && /^[!-?A-~]+@[A-Za-z0-9.-]+$/.test(value));

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
    .default(['http-01']),
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

/** The configuration file. Defaults are those of docs/configuration.md; an absent mapping has the defaults of its keys. */
export const configSchema = mapping({
  listen: mapping({
    https: listenAddress().default('0.0.0.0:443'),
    http: listenAddress().default('0.0.0.0:80'),
    admin: adminAddress().default('127.0.0.1:9464'),
  }).prefault({}),
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
      // what makes a name is checked in checks.ts, together with the names of domainsFile
      name: z.string({ error: expected('a domain name') }),
      region: region().optional(),
      redirectHttp: z.boolean({ error: expected('true or false') }).default(false),
    }),
  ).default([]),
  domainsFile: path().optional(),
  workers: z
    .union([z.literal('auto'), wholeNumber(1, MOST_WORKERS, 'auto or ')], {
      error: expected(`auto or a whole number from 1 to ${MOST_WORKERS}`),
    })
    .default('auto'),
});

/** What the schema reads, defaults filled in. */
export type Config = z.output<typeof configSchema>;
