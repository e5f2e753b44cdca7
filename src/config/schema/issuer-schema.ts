// The keys of one ACME issuer other than its directory: account binding, and where the records of dns-01 go.
// config/checks/issuer-checks.ts checks them together.

import { z } from 'zod';
import { durationMs } from '../../core/text/units.ts';
import { address, expected, list, mapping, path, pattern, type RawIssue } from '../values/kinds.ts';
import { parseListenAddress } from '../values/listen-address.ts';
import { quote } from '../text/problems.ts';

/** In the order of docs/configuration.md. */
export const CHALLENGES = ['http-01', 'tls-alpn-01', 'dns-01'] as const;

const word = (what: string, most: number) =>
  pattern(what, (value) => value.length <= most && /^[!-~]+$/.test(value));

/** RFC 8555 §7.3.4 */
export const eab = () => mapping({ keyId: word('a key id without blanks', 500), hmacKeyFile: path() });

export const profile = () => word('the name of a profile', 100);

export const preferredChain = () =>
  pattern('the common name of a certificate', (value) => /^[^\p{Cc}]{1,200}$/u.test(value));

const serverAddress = () =>
  address('ADDRESS:PORT or [IPV6]:PORT', (value) => {
    const parsed = parseListenAddress(value);
    return parsed !== undefined && parsed.port !== 0 && !value.startsWith(':');
  });

const dnsName = () =>
  pattern(
    'a DNS name',
    (value) => value.length <= 253 && /^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?$/i.test(value),
  );

/** an order waits as long */
const LONGEST_PROPAGATION_MS = 3_600_000;

const propagation = () =>
  pattern('a duration from 1s to 1h such as 30s or 2m', (value) => {
    const ms = durationMs(value);
    return ms !== undefined && ms >= 1_000 && ms <= LONGEST_PROPAGATION_MS;
  });

const common = {
  resolvers: list(serverAddress()).max(8, { error: 'has more than 8 resolvers' }).default([]),
  propagation: propagation().default('2m'),
};

const rfc2136 = mapping({
  type: z.literal('rfc2136'),
  server: serverAddress(),
  keyName: dnsName(),
  keyFile: path(),
  zone: dnsName().optional(),
  ...common,
});

const exec = mapping({
  type: z.literal('exec'),
  command: list(path('a word without NUL'))
    .min(1, { error: 'names no program' })
    .max(64, { error: 'has more than 64 words' }),
  timeout: propagation().default('1m'),
  ...common,
});

export const dns = () =>
  z.discriminatedUnion('type', [rfc2136, exec], {
    error: (issue: RawIssue) => {
      if (issue.code !== 'invalid_union') return expected('a mapping')(issue);
      const type = (issue.input as { readonly type?: unknown } | undefined)?.type;
      return type === undefined ? 'is missing' : `must be rfc2136 or exec, not ${quote(type)}`;
    },
  });
