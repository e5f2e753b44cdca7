// The keys of the request path: listeners behind a load balancer, ceilings, log lines, and the keys of one
// domain.

import { isIP } from 'node:net';
import { z } from 'zod';
import { LOG_LEVELS } from '../../core/log-level.ts';
import { durationMs } from '../../core/text/units.ts';
import { formatPath, type ConfigPath } from '../text/problems.ts';
import {
  address,
  boolean,
  expected,
  duration,
  list,
  mapping,
  oneOf,
  path,
  pattern,
  size,
  wholeNumber,
  type RawIssue,
} from '../values/kinds.ts';
import { LISTEN_GRAMMAR, parseListen } from '../values/listen-address.ts';

const isRange = (value: string): boolean => {
  const [address = '', prefix, ...rest] = value.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
};

const MOST_RANGES = 1000;

const ranges = () =>
  list(pattern('an IP address or a CIDR such as 10.0.0.0/8', isRange)).max(MOST_RANGES, {
    error: `has more than ${MOST_RANGES} ranges`,
  });

export const listenAddress = () =>
  address(LISTEN_GRAMMAR, (value) => parseListen('https', value) !== undefined);

/** `ADDRESS:PORT`, or a mapping where the peers are load balancers. */
export const publicListener = () =>
  z.union(
    [
      listenAddress(),
      mapping({
        address: listenAddress(),
        proxyProtocol: ranges().min(1, {
          error: 'names no address: leave the key out where no proxy is in front',
        }),
      }),
    ],
    {
      // In a mapping the message names the key that is wrong, instead of both forms that do not fit.
      error: (issue: RawIssue) =>
        issue.code === 'invalid_union' && typeof issue.input === 'object' && issue.input !== null
          ? issue.errors
              .at(-1)
              ?.map(({ path, message }) => [formatPath(path as ConfigPath), message].join(' ').trim())
              .join('; ')
          : expected(`${LISTEN_GRAMMAR}, or a mapping with address and proxyProtocol`)(issue),
    },
  );

export const trustedProxies = () => ranges().default([]);

/** A key that is left out has the default of docs/configuration.md, which is that of src/serve/limits.ts. */
export const limits = () =>
  mapping({
    headerSize: size().optional(),
    headerFields: wholeNumber(1, 1_000).optional(),
    bodySize: size().optional(),
    tlsHandshakeTime: duration().optional(),
    headerTime: duration().optional(),
    requestTime: duration().optional(),
    keepAlive: duration().optional(),
    writeIdle: duration().optional(),
    requestsPerConnection: wholeNumber(1, 1_000_000).optional(),
    connections: wholeNumber(1, 1_000_000).optional(),
    connectionsPerAddress: wholeNumber(1, 1_000_000).optional(),
    http2Streams: wholeNumber(1, 1_000).optional(),
    http2ResetBurst: wholeNumber(1, 10_000).optional(),
    http2ResetsPerSecond: wholeNumber(1, 10_000).optional(),
    upstreamQueue: wholeNumber(0, 100_000).optional(),
  }).prefault({});

/** Versions and suites of the https listener. */
export const tls = () =>
  mapping({ profile: oneOf(['intermediate', 'compatible', 'modern']).default('intermediate') }).prefault({});

export const log = () =>
  mapping({
    level: oneOf(LOG_LEVELS).optional(),
    clicks: oneOf(['none', 'sampled', 'all']).default('none'),
    sampleEvery: wholeNumber(2, 1_000_000).default(100),
    format: oneOf(['json', 'pretty']).optional(),
    file: path().optional(),
  }).prefault({});

const LONGEST_HSTS_MS = 730 * 86_400_000;

const longDuration = () =>
  pattern('a duration from 1m to 730d such as 1h or 180d', (value) => {
    const ms = durationMs(value);
    return ms !== undefined && ms >= 60_000 && ms <= LONGEST_HSTS_MS;
  });

/** Keys of one domain other than its name and region. */
export const domainExtras = {
  redirectHttp: boolean().default(false),
  hsts: longDuration().optional(),
  universalLinks: mapping({ apple: path().optional(), android: path().optional() }).optional(),
};
