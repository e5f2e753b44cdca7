// Local responses of port 80: HTTP-01 challenges first (RFC 8555 §8.3), then the redirect to https for a domain that has it. All else is
// forwarded as on https: mail that was sent has http links.

import { systemClock } from '../../core/platform/clock.ts';
import { withTimeout } from '../../core/platform/deadline.ts';
import type { AnswerChallenge } from '../../core/ports.ts';
import { clientKeyOf, type IsTrusted } from '../connections/ip-addresses.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Route } from './route.ts';

/** A response that needs no upstream (an ACME challenge, a redirect to https). */
export interface LocalResponse {
  readonly status: number;
  readonly fields: readonly string[];
  readonly body: string | Buffer;
}

/** Called for each routed request of a listener; undefined: forward it. */
export type RespondLocally = (
  exchange: Exchange,
  route: Route,
) => Promise<LocalResponse | undefined> | LocalResponse | undefined;

const CHALLENGE = '/.well-known/acme-challenge/';

/**
 * Requests that may wait for port 2, in all and for one client (an IPv6 /64). One listing of the storage answers all requests
 * for a name, so the limits bound memory, not work. A CA asks from several places: a flood from one of them does not block it.
 */
const LOOKUPS = 1_024;
const LOOKUPS_OF_ONE = 64;

/** A CA gives up after about ten seconds and asks again later; a client must not wait for a storage that hangs. */
const LOOKUP_MS = 5_000;

export interface LocalResponseOptions {
  readonly answerChallenge: AnswerChallenge;
  /** whether a certificate is live for this configured name */
  readonly isLive: (name: string) => Promise<boolean>;
  /** a proxy is many clients: the limit for one client does not hold for it */
  readonly isTrusted: IsTrusted;
  /** how long a client waits for a lookup (5 s) */
  readonly lookupMs?: number;
}

const challengeAnswer = (keyAuthorization: string): LocalResponse => ({
  status: 200,
  fields: ['Content-Type', 'application/octet-stream', 'Cache-Control', 'no-store'],
  body: keyAuthorization,
});

/** 308 keeps the method: a one-click unsubscribe is a POST (RFC 8058 §3.1, RFC 9110 §15.4.9). */
const redirect = (name: string, target: string): LocalResponse => ({
  status: 308,
  fields: ['Location', `https://${name}${target}`, 'Cache-Control', 'no-store'],
  body: '',
});

const BUSY: LocalResponse = {
  status: 503,
  fields: ['Retry-After', '1', 'Cache-Control', 'no-store'],
  body: '',
};

export const createLocalResponses = ({
  answerChallenge,
  isLive,
  isTrusted,
  lookupMs = LOOKUP_MS,
}: LocalResponseOptions): RespondLocally => {
  /** by name and token: a CA asks from several places at once */
  const lookups = new Map<string, Promise<LocalResponse | undefined>>();
  /** how many of them each client has begun */
  const begun = new Map<string, number>();
  const lookUp = async (name: string, token: string): Promise<LocalResponse | undefined> => {
    const keyAuthorization = await answerChallenge(name, token);
    // Never redirect the CA to a name without a certificate.
    return keyAuthorization === undefined ? undefined : challengeAnswer(keyAuthorization);
  };
  const hold = (key: string, client: string): (() => void) => {
    begun.set(client, (begun.get(client) ?? 0) + 1);
    return () => {
      lookups.delete(key);
      const left = (begun.get(client) ?? 1) - 1;
      if (left === 0) begun.delete(client);
      else begun.set(client, left);
    };
  };
  /** A late lookup keeps its place, so a storage that hangs gets no more lookups. */
  const responseTo = async (
    name: string,
    token: string,
    peerAddress: string,
  ): Promise<LocalResponse | undefined> => {
    const key = `${name} ${token}`;
    let lookup = lookups.get(key);
    if (lookup === undefined) {
      const client = clientKeyOf(peerAddress);
      if (lookups.size >= LOOKUPS) return BUSY;
      if ((begun.get(client) ?? 0) >= LOOKUPS_OF_ONE && !isTrusted(peerAddress)) return BUSY;
      const done = hold(key, client);
      // After a turn: the lookup must not end before it is in the map.
      lookup = Promise.resolve()
        .then(() => lookUp(name, token))
        .finally(done);
      lookups.set(key, lookup);
    }
    return withTimeout(lookup, { clock: systemClock, limitMs: lookupMs, late: () => BUSY });
  };
  return (exchange, { domain, target }) => {
    const challenge =
      target.startsWith(CHALLENGE) && (exchange.method === 'GET' || exchange.method === 'HEAD');
    const wantsRedirect = domain.redirectHttp && target.startsWith('/');
    if (challenge)
      return responseTo(domain.name, target.slice(CHALLENGE.length), exchange.connection.peerAddress);
    if (!wantsRedirect) return undefined;
    return (async () => ((await isLive(domain.name)) ? redirect(domain.name, target) : undefined))();
  };
};
