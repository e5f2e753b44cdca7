// One ACME order for one name, from newOrder to a chain that was checked (RFC 8555 §7.4). It knows the protocol's states
// and nothing of HTTP, storage layout or retries: those are the session's, the challenge's and the renewal loop's.

import type { Clock } from '../core/clock.ts';
import { GateError } from '../core/errors.ts';
import type { KeyType } from '../core/settings.ts';
import { checkCertificate, type KeyAndChain } from './certificate.ts';
import { isToken, type ChallengeAnswers } from './challenge.ts';
import { refusalError, validationError, type Problem } from './issuers/acme-problem.ts';
import { createPrivateKeyPem } from './private-key.ts';

/** RFC 8555 §7.1.3 */
export interface AcmeOrder {
  readonly url: string;
  readonly status: string;
  readonly authorizations: readonly string[];
  readonly finalize: string;
  readonly certificate?: string;
  readonly problem?: Problem;
}

/** RFC 8555 §7.1.4 */
export interface AcmeAuthorization {
  readonly status: string;
  /** lower case */
  readonly name: string;
  readonly challenges: readonly {
    readonly type: string;
    readonly url: string;
    readonly token: string;
    readonly problem?: Problem;
  }[];
}

export interface AcmeStatus<T> {
  readonly value: T;
  /** when the CA wants to be asked again */
  readonly retryAfterMs?: number;
}

/** The operations of a CA, under one account. Each throws GateError `ERR_ACME_*`. */
export interface AcmeSession {
  placeOrder(name: string): Promise<AcmeOrder>;
  readOrder(url: string): Promise<AcmeStatus<AcmeOrder>>;
  readAuthorization(url: string): Promise<AcmeStatus<AcmeAuthorization>>;
  /** RFC 8555 §8.1 */
  keyAuthorization(token: string): Promise<string>;
  acceptChallenge(url: string): Promise<void>;
  finalize(order: AcmeOrder, request: { readonly name: string; readonly keyPem: string }): Promise<AcmeOrder>;
  downloadChain(url: string): Promise<string>;
}

export interface OrderOptions {
  readonly session: AcmeSession;
  readonly answers: ChallengeAnswers;
  /** lower-case A-label, no trailing dot */
  readonly name: string;
  readonly keyType: KeyType;
  readonly clock: Clock;
  /** aborts between and within steps; an order already placed is left to expire at the CA */
  readonly signal: AbortSignal;
}

const FIRST_POLL_MS = 250;
const LONGEST_POLL_MS = 5_000;
/** a CA that asks for more patience than this while it validates is asked sooner */
const LONGEST_RETRY_AFTER_MS = 30_000;

/** Asks again, with growing pauses or when the CA said, until the state is no longer one of `passing`. */
const poll = async <T extends { readonly status: string }>(
  { clock, signal }: OrderOptions,
  passing: readonly string[],
  ask: () => Promise<AcmeStatus<T>>,
): Promise<T> => {
  let pauseMs = FIRST_POLL_MS;
  for (;;) {
    signal.throwIfAborted();
    const { value, retryAfterMs } = await ask();
    if (!passing.includes(value.status)) return value;
    await clock.sleep(
      Math.max(FIRST_POLL_MS, Math.min(retryAfterMs ?? pauseMs, LONGEST_RETRY_AFTER_MS)),
      signal,
    );
    pauseMs = Math.min(pauseMs * 1.5, LONGEST_POLL_MS);
  }
};

const refused = (name: string, detail: string, problem?: Problem): GateError =>
  refusalError({
    subject: `order for "${name}"`,
    problem: problem ?? { type: 'about:blank', detail, subproblems: [] },
  });

/** Proves control of the name by HTTP-01 (RFC 8555 §8.3). The answer is taken away again whatever happens. */
const authorize = async (options: OrderOptions, url: string): Promise<void> => {
  const { session, answers, name, signal } = options;
  const { value: authorization } = await session.readAuthorization(url);
  if (authorization.name !== name) {
    throw refused(name, `the CA asks for an authorization of "${authorization.name}"`);
  }
  // Left from an earlier order: nothing to prove (RFC 8555 §7.1.3).
  if (authorization.status === 'valid') return;
  const challenge = authorization.challenges.find(({ type }) => type === 'http-01');
  if (challenge === undefined) throw refused(name, 'the CA offers no http-01 challenge');
  if (!isToken(challenge.token)) throw refused(name, 'the CA sent a token that is not base64url');

  await answers.present(name, challenge.token, await session.keyAuthorization(challenge.token));
  try {
    if (authorization.status === 'pending') await session.acceptChallenge(challenge.url);
    const settled = await poll(options, ['pending', 'processing'], () => session.readAuthorization(url));
    if (settled.status === 'valid') return;
    const problem = settled.challenges.find(({ url }) => url === challenge.url)?.problem;
    if (problem !== undefined) throw validationError(name, problem);
    throw refused(name, `its authorization became "${settled.status}"`);
  } finally {
    // What cannot be removed is a key authorization nobody asks for any more.
    await answers.remove(name, challenge.token).catch(() => {});
    signal.throwIfAborted();
  }
};

const expectStatus = (name: string, order: AcmeOrder, status: string): void => {
  if (order.status !== status) throw refused(name, `it became "${order.status}"`, order.problem);
};

/**
 * Orders, validates and downloads a certificate for one name.
 * 1. newOrder. 2. Each authorization that is not valid yet. 3. The order becomes ready. 4. A fresh key, finalize.
 * 5. The order becomes valid. 6. Download, and a check against key and name before anybody gets it.
 * @throws GateError `ERR_ACME_UNAUTHORIZED` (the name could not be validated), `ERR_ACME_RATE_LIMITED`
 * (details.retryAfterMs), `ERR_ACME_REFUSED`, `ERR_ACME_UNREACHABLE`, `ERR_ACME_TIMEOUT`, `ERR_CERT_INVALID`;
 * else the reason of `signal`
 * @see RFC 8555 §7.4 (order), §7.5.1 (challenge), §7.1.6 (states)
 */
export const orderCertificate = async (options: OrderOptions): Promise<KeyAndChain> => {
  const { session, name, keyType } = options;
  const placed = await session.placeOrder(name);
  for (const url of placed.authorizations) await authorize(options, url);

  const read = () => session.readOrder(placed.url);
  const ready = placed.status === 'ready' ? placed : await poll(options, ['pending'], read);
  expectStatus(name, ready, 'ready');

  const keyPem = await createPrivateKeyPem(keyType);
  const finalized = await session.finalize(ready, { name, keyPem });
  const valid = finalized.status === 'valid' ? finalized : await poll(options, ['ready', 'processing'], read);
  expectStatus(name, valid, 'valid');
  if (valid.certificate === undefined) throw refused(name, 'it is valid but has no certificate');

  const chainPem = await session.downloadChain(valid.certificate);
  checkCertificate(name, { keyPem, chainPem });
  return { keyPem, chainPem };
};
