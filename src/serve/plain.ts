// What port 80 answers by itself: HTTP-01 challenges first (RFC 8555 §8.3), then, where a domain asks for it, the
// redirect to https. Everything else is forwarded like https: mail already sent holds http links.

import type { AnswerChallenge } from '../core/doors.ts';
import type { AnswerLocally, LocalAnswer } from './corridor.ts';

const CHALLENGE = '/.well-known/acme-challenge/';

/**
 * Lookups of challenges at once: each is several file calls on the few threads that also look up names and read
 * certificates, and anybody may ask. A CA asks a handful of times, and again when told to come back.
 */
const LOOKUPS = 16;

/** A CA gives up after some ten seconds, and asks again when told to; a client must not wait for a storage that hangs. */
const LOOKUP_MS = 5_000;

export interface PlainOptions {
  readonly answerChallenge: AnswerChallenge;
  /** whether a certificate is live for this configured name */
  readonly isLive: (name: string) => Promise<boolean>;
  /** how long a client waits for a lookup (5 s) */
  readonly lookupMs?: number;
}

const challengeAnswer = (keyAuthorization: string): LocalAnswer => ({
  status: 200,
  fields: ['Content-Type', 'application/octet-stream', 'Cache-Control', 'no-store'],
  body: keyAuthorization,
});

/** 308 keeps the method: a one-click unsubscribe is a POST (RFC 8058 §3.1, RFC 9110 §15.4.9). */
const redirect = (name: string, target: string): LocalAnswer => ({
  status: 308,
  fields: ['Location', `https://${name}${target}`, 'Cache-Control', 'no-store'],
  body: '',
});

const BUSY: LocalAnswer = {
  status: 503,
  fields: ['Retry-After', '1', 'Cache-Control', 'no-store'],
  body: '',
};

export const createPlainAnswers = ({
  answerChallenge,
  isLive,
  lookupMs = LOOKUP_MS,
}: PlainOptions): AnswerLocally => {
  /** by name and token: a CA asks from several places at once, and a flood may ask for its token too */
  const lookups = new Map<string, Promise<LocalAnswer | undefined>>();
  const lookUp = async (key: string, name: string, token: string): Promise<LocalAnswer | undefined> => {
    try {
      const keyAuthorization = await answerChallenge(name, token);
      // never redirect the CA to a name whose certificate it is about to make
      return keyAuthorization === undefined ? undefined : challengeAnswer(keyAuthorization);
    } finally {
      lookups.delete(key);
    }
  };
  /** One that is late holds its place all the same: what hangs is not started again and again. */
  const answered = async (name: string, token: string): Promise<LocalAnswer | undefined> => {
    const key = `${name} ${token}`;
    let looking = lookups.get(key);
    if (looking === undefined) {
      if (lookups.size >= LOOKUPS) return BUSY;
      // behind a promise: it must not end before it is in the map
      looking = Promise.resolve().then(() => lookUp(key, name, token));
      lookups.set(key, looking);
    }
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<LocalAnswer>((resolve) => {
      timer = setTimeout(resolve, lookupMs, BUSY);
    });
    try {
      return await Promise.race([looking, late]);
    } finally {
      clearTimeout(timer);
    }
  };
  return (exchange, { domain, target }) => {
    const challenge =
      target.startsWith(CHALLENGE) && (exchange.method === 'GET' || exchange.method === 'HEAD');
    const wantsRedirect = domain.redirectHttp && target.startsWith('/');
    if (challenge) return answered(domain.name, target.slice(CHALLENGE.length));
    if (!wantsRedirect) return undefined;
    return (async () => ((await isLive(domain.name)) ? redirect(domain.name, target) : undefined))();
  };
};
