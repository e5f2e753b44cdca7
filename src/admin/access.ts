// Who may ask the admin port: under which name it is asked (DNS rebinding), from which page, with which token, how often. Decides
// by the head of a request alone, and is the only place that does.

import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP, isIPv6 } from 'node:net';
import type { Clock } from '../core/platform/clock.ts';
import { createTokenBucket, type TokenBucket } from './token-bucket.ts';

/** All requests but health checks, from everybody: a status of many names is work. */
const REQUESTS = { burst: 400, perSecond: 100 } as const;
/** Wrong tokens of one address; then even the right one waits, as otherwise guessing would go on. */
const FAILURES = { burst: 10, perSecond: 1 / 6 } as const;
const RETRY_SECONDS = 6;
const MOST_ADDRESSES = 1000;

/** They say whether the proxy serves, which its public ports say too; what asks them has no token. */
const HEALTH = new Set(['/healthz', '/readyz']);

export interface AccessRules {
  /** demanded of every request but health checks; absent: nobody needs one */
  readonly token?: string;
  /** /metrics needs none */
  readonly metricsOpen?: boolean;
  /** lower case, as well as addresses and `localhost` */
  readonly hosts?: readonly string[];
}

export interface AskedBy {
  readonly path: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly authorization: string | undefined;
  /** of the peer */
  readonly address: string;
}

export interface Refusal {
  readonly status: 401 | 403 | 421 | 429;
  readonly body: string;
  readonly fields: Readonly<Record<string, string | readonly string[]>>;
}

export interface Access {
  /** from the next request on */
  setRules(rules: AccessRules): void;
  /** in place of the one that is demanded; false: it is that one already, or none is */
  setToken(token: string): boolean;
  /** undefined: it may ask */
  refuse(asked: AskedBy): Refusal | undefined;
}

/** Name or address of a Host field, lower case, without port and brackets; undefined when it is none. */
const hostOf = (field: string | undefined): string | undefined => {
  const match = /^(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9.-]{1,253}))(?::\d{1,5})?$/i.exec(field ?? '');
  if (match?.[1] !== undefined) return isIPv6(match[1]) ? match[1].toLowerCase() : undefined;
  return match?.[2]?.toLowerCase();
};

/**
 * A page on the web can make a browser send requests here under a name of its own that resolves to this machine (DNS
 * rebinding); no page can do that under an address, `localhost` or a name of ours.
 */
const isOurs = (host: string | undefined, hosts: ReadonlySet<string>): boolean =>
  host !== undefined && (host === 'localhost' || isIP(host) !== 0 || hosts.has(host));

/** Browsers send Origin with what a page of another origin asks; `null` is a page without one. */
const isOwnOrigin = (origin: string, host: string | undefined): boolean =>
  /^https?:\/\//i.test(origin) && origin.replace(/^https?:\/\//i, '').toLowerCase() === host?.toLowerCase();

/** The token of `Bearer` (RFC 6750), or the password of `Basic` (RFC 7617), which browsers ask their user for. */
const tokenOf = (authorization: string): string => {
  const [, scheme = '', credentials = ''] = /^(\w+) +([\w.~+/-]+=*)$/.exec(authorization) ?? [];
  if (scheme.toLowerCase() === 'bearer') return credentials;
  if (scheme.toLowerCase() !== 'basic') return '';
  const pair = Buffer.from(credentials, 'base64').toString('utf8');
  return pair.slice(pair.indexOf(':') + 1);
};

const digest = (token: string): Buffer => createHash('sha256').update(token).digest();

/** An IPv6 client has a /64 to itself. */
const clientOf = (address: string): string =>
  isIPv6(address) && !address.startsWith('::ffff:') ? address.split(':').slice(0, 4).join(':') : address;

const refusal = (status: Refusal['status'], body: string, fields: Refusal['fields'] = {}): Refusal => ({
  status,
  body: `${body}\n`,
  fields,
});

const TOO_OFTEN = refusal(429, 'asked too often: wait a few seconds', {
  'Retry-After': String(RETRY_SECONDS),
});
const UNKNOWN = refusal(
  401,
  'the token of admin.tokenFile is needed: as Bearer, or as password of any user',
  {
    'WWW-Authenticate': ['Bearer realm="linkgate"', 'Basic realm="linkgate", charset="UTF-8"'],
  },
);

export const createAccess = (clock: Pick<Clock, 'now'>): Access => {
  let wanted: Buffer | undefined;
  let hosts: ReadonlySet<string> = new Set();
  let metricsOpen = false;
  const requests = createTokenBucket({ ...REQUESTS, clock });
  const failures = new Map<string, TokenBucket>();

  const failed = (client: string): void => {
    const known = failures.get(client);
    const bucket = known ?? createTokenBucket({ ...FAILURES, clock });
    if (known === undefined && failures.size >= MOST_ADDRESSES) {
      for (const oldest of failures.keys()) {
        failures.delete(oldest);
        break;
      }
    }
    failures.set(client, bucket);
    bucket.take();
  };

  const refuseToken = (authorization: string | undefined, address: string): Refusal | undefined => {
    if (wanted === undefined) return undefined;
    const client = clientOf(address);
    if (authorization === undefined) return UNKNOWN;
    if (failures.get(client)?.isEmpty() === true) return TOO_OFTEN;
    // digests have one length, and the time to compare them says nothing of the token
    if (timingSafeEqual(digest(tokenOf(authorization)), wanted)) return undefined;
    failed(client);
    return UNKNOWN;
  };

  return {
    setRules: (rules) => {
      wanted = rules.token === undefined ? undefined : digest(rules.token);
      hosts = new Set(rules.hosts);
      metricsOpen = rules.metricsOpen === true;
    },
    setToken: (token) => {
      const next = digest(token);
      if (wanted === undefined || timingSafeEqual(next, wanted)) return false;
      wanted = next;
      return true;
    },
    refuse: ({ path, host, origin, authorization, address }) => {
      if (!isOurs(hostOf(host), hosts)) {
        return refusal(421, 'this port answers to addresses, localhost and the names of admin.hosts only');
      }
      if (origin !== undefined && !isOwnOrigin(origin, host)) {
        return refusal(403, 'this port answers no page but its own');
      }
      if (HEALTH.has(path)) return undefined;
      if (!requests.take()) return TOO_OFTEN;
      if (path === '/metrics' && metricsOpen) return undefined;
      return refuseToken(authorization, address);
    },
  };
};
