// What port 80 answers by itself: HTTP-01 challenges first (RFC 8555 §8.3), then, where a domain asks for it, the
// redirect to https. Everything else is forwarded like https: mail already sent holds http links.

import type { AnswerChallenge } from '../core/doors.ts';
import type { AnswerLocally, LocalAnswer } from './corridor.ts';

const CHALLENGE = '/.well-known/acme-challenge/';

export interface PlainOptions {
  readonly answerChallenge: AnswerChallenge;
  /** whether a certificate is live for this configured name */
  readonly isLive: (name: string) => Promise<boolean>;
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

export const createPlainAnswers =
  ({ answerChallenge, isLive }: PlainOptions): AnswerLocally =>
  (exchange, { domain, target }) => {
    const challenge =
      target.startsWith(CHALLENGE) && (exchange.method === 'GET' || exchange.method === 'HEAD');
    const wantsRedirect = domain.redirectHttp && target.startsWith('/');
    if (!challenge && !wantsRedirect) return undefined;
    return (async () => {
      if (challenge) {
        const keyAuthorization = await answerChallenge(domain.name, target.slice(CHALLENGE.length));
        if (keyAuthorization !== undefined) return challengeAnswer(keyAuthorization);
        // never redirect the CA to a name whose certificate it is about to make
        return undefined;
      }
      return (await isLive(domain.name)) ? redirect(domain.name, target) : undefined;
    })();
  };
