// What port 80 answers by itself: HTTP-01 challenges first (RFC 8555 §8.3), then, where a domain asks for it, the
// redirect to https. Everything else is forwarded like https: mail already sent holds http links.

import { systemClock } from '../../core/platform/clock.ts';
import { withTimeout } from '../../core/platform/deadline.ts';
import type { AnswerChallenge } from '../../core/ports.ts';
import { clientKeyOf, type IsTrusted } from '../connections/ip-addresses.ts';
import type { RespondLocally, LocalResponse } from './request-handler.ts';

const CHALLENGE = '/.well-known/acme-challenge/';

/**
 * Requests that may wait for door 2, together and for one client (an IPv6 /64): it answers all that wait for one name by
 * one look, so these are memory, not work. A flood from one place keeps no CA, which asks from several, waiting.
 */
const LOOKUPS = 1_024;
const LOOKUPS_OF_ONE = 64;

/** A CA gives up after some ten seconds, and asks again when told to; a client must not wait for a storage that hangs. */
const LOOKUP_MS = 5_000;

export interface LocalResponseOptions {
  readonly answerChallenge: AnswerChallenge;
  /** whether a certificate is live for this configured name */
  readonly isLive: (name: string) => Promise<boolean>;
  /** proxies are many clients: they are not held to the share of one */
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
  /** by name and token: a CA asks from several places at once, and a flood may ask for its token too */
  const lookups = new Map<string, Promise<LocalResponse | undefined>>();
  /** how many of them were begun for a client */
  const begun = new Map<string, number>();
  const lookUp = async (name: string, token: string): Promise<LocalResponse | undefined> => {
    const keyAuthorization = await answerChallenge(name, token);
    // never redirect the CA to a name whose certificate it is about to make
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
  /** One that is late holds its place all the same: what hangs is not started again and again. */
  const answered = async (
    name: string,
    token: string,
    peerAddress: string,
  ): Promise<LocalResponse | undefined> => {
    const key = `${name} ${token}`;
    let looking = lookups.get(key);
    if (looking === undefined) {
      const client = clientKeyOf(peerAddress);
      if (lookups.size >= LOOKUPS) return BUSY;
      if ((begun.get(client) ?? 0) >= LOOKUPS_OF_ONE && !isTrusted(peerAddress)) return BUSY;
      const done = hold(key, client);
      // behind a promise: it must not end before it is in the map
      looking = Promise.resolve()
        .then(() => lookUp(name, token))
        .finally(done);
      lookups.set(key, looking);
    }
    return withTimeout(looking, { clock: systemClock, limitMs: lookupMs, late: () => BUSY });
  };
  return (exchange, { domain, target }) => {
    const challenge =
      target.startsWith(CHALLENGE) && (exchange.method === 'GET' || exchange.method === 'HEAD');
    const wantsRedirect = domain.redirectHttp && target.startsWith('/');
    if (challenge)
      return answered(domain.name, target.slice(CHALLENGE.length), exchange.connection.peerAddress);
    if (!wantsRedirect) return undefined;
    return (async () => ((await isLive(domain.name)) ? redirect(domain.name, target) : undefined))();
  };
};
