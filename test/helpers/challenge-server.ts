// What port 80 does with HTTP-01, in its smallest form: asks door 2 and answers, or 404.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Test } from 'tap';
import { createAnswerChallenge, type AnswerChallengeOptions } from '../../src/cert/challenges/http-01.ts';
import { systemClock } from '../../src/core/platform/clock.ts';
import type { Storage } from '../../src/core/storage.ts';

/** Its port on 127.0.0.1. `onAsked` hears the host of each request before it is answered. */
export const challengeServer = async (
  t: Test,
  storage: Storage,
  onAsked: (host: string) => void = () => {},
  options: Pick<AnswerChallengeOptions, 'thumbprint'> = {},
): Promise<number> => {
  const answer = createAnswerChallenge({ storage, emit: () => {}, clock: systemClock, ...options });
  const server = createServer((request, response) => {
    const host = (request.headers.host ?? '').replace(/:\d+$/, '');
    onAsked(host);
    void answer(host, (request.url ?? '').split('/').at(-1) ?? '').then((text) => {
      response.statusCode = text === undefined ? 404 : 200;
      return response.end(text ?? 'no challenge');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
};
