// One ACME order for one name, from newOrder to a checked chain (RFC 8555 §7.4). It knows the states of the protocol. HTTP is in the
// session, the storage in the challenges, retries in the renewal loop.

import type { Clock } from '../../core/platform/clock.ts';
import { LinkgateError, toLinkgateError, withDetails } from '../../core/errors.ts';
import type { ChallengeType, KeyType } from '../../core/settings.ts';
import { checkCertificate, type CertificateFacts, type KeyAndChain } from '../certificate/certificate.ts';
import { isToken, type ChallengeSolver } from '../challenges/http-01.ts';
import { checkIssuance } from './chain.ts';
import { isProblemType, refusalError, validationError, type Problem } from './problem.ts';
import { createPrivateKeyPem } from '../certificate/private-key.ts';

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

/** The result of an order. */
export interface Ordered extends KeyAndChain {
  /** the kind of challenge that proved the name; absent when nothing was left to prove */
  readonly challenge?: ChallengeType;
}

/** What an order may ask for as well as the name. */
export interface OrderOptions {
  /** id of the certificate that the new one replaces (RFC 9773 §5) */
  readonly replaces?: string;
  /** certificate profile */
  readonly profile?: string;
}

/** The operations of a CA, under one account. Each throws LinkgateError `ERR_ACME_*`. */
export interface AcmeSession {
  placeOrder(name: string, options: OrderOptions): Promise<AcmeOrder>;
  readOrder(url: string): Promise<AcmeStatus<AcmeOrder>>;
  readAuthorization(url: string): Promise<AcmeStatus<AcmeAuthorization>>;
  /** RFC 8555 §8.1 */
  keyAuthorization(token: string): Promise<string>;
  acceptChallenge(url: string): Promise<void>;
  finalize(order: AcmeOrder, request: { readonly name: string; readonly keyPem: string }): Promise<AcmeOrder>;
  downloadChain(url: string): Promise<DownloadedChain>;
}

export interface DownloadedChain {
  readonly chainPem: string;
  /** the time at the CA, when its response has a date */
  readonly atMs?: number;
}

export interface OrderCertificateOptions {
  readonly session: AcmeSession;
  /** the preferred one first */
  readonly solvers: readonly ChallengeSolver[];
  readonly options?: OrderOptions;
  /** lower-case A-label, no trailing dot */
  readonly name: string;
  readonly keyType: KeyType;
  readonly clock: Clock;
  /** aborts at any point; an order that was placed expires at the CA */
  readonly signal: AbortSignal;
}

const FIRST_POLL_MS = 250;
const LONGEST_POLL_MS = 5_000;
/** a longer Retry-After of a CA that validates is cut to this */
const LONGEST_RETRY_AFTER_MS = 30_000;

/** Asks, with growing pauses or those of the CA, until the status is not one of `passing`. */
const poll = async <T extends { readonly status: string }>(
  { clock, signal }: OrderCertificateOptions,
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

const refused = (name: string, detail: string, problem?: Problem): LinkgateError =>
  refusalError({
    subject: `order for "${name}"`,
    problem: problem ?? { type: 'about:blank', detail, subproblems: [] },
  });

/** Proves control of the name by one kind of challenge. In any case the answer is removed at the end. */
const prove = async (
  options: OrderCertificateOptions,
  {
    solver,
    url,
    status,
  }: { readonly solver: ChallengeSolver; readonly url: string; readonly status: string },
  challenge: AcmeAuthorization['challenges'][number],
): Promise<void> => {
  const { session, name, keyType, signal } = options;
  const { token } = challenge;
  if (!isToken(token)) throw refused(name, 'the CA sent a token that is not base64url');
  const keyAuthorization = await session.keyAuthorization(token);
  let cleanUp: () => Promise<void>;
  try {
    cleanUp = await solver.present({ name, token, keyAuthorization, keyType }, signal);
  } catch (error) {
    throw new NotPresented(toLinkgateError(error));
  }
  try {
    if (status === 'pending') await session.acceptChallenge(challenge.url);
    const settled = await poll(options, ['pending', 'processing'], () => session.readAuthorization(url));
    if (settled.status === 'valid') return;
    const problem = settled.challenges.find(({ url }) => url === challenge.url)?.problem;
    if (problem !== undefined) throw validationError(name, problem);
    throw refused(name, `its authorization became "${settled.status}"`);
  } finally {
    // An answer that stays does no harm: nobody asks for it any more.
    await cleanUp().catch(() => {});
    signal.throwIfAborted();
  }
};

/** The CA has not been asked to validate yet, so another kind of challenge can prove the same authorization. */
class NotPresented {
  readonly error: LinkgateError;
  constructor(error: LinkgateError) {
    this.error = error;
  }
}

/**
 * Proves control of the name by the first kind of challenge that the CA offers and that can be presented. After a failed validation the
 * authorization and the order are invalid (RFC 8555 §7.1.6).
 * @returns the kind that proved it; undefined when nothing was left to prove
 */
const authorize = async (
  options: OrderCertificateOptions,
  url: string,
): Promise<ChallengeType | undefined> => {
  const { session, solvers, name, signal } = options;
  const { value: authorization } = await session.readAuthorization(url);
  if (authorization.name !== name) {
    throw refused(name, `the CA asks for an authorization of "${authorization.name}"`);
  }
  // Proved by an earlier order (RFC 8555 §7.1.3).
  if (authorization.status === 'valid') return undefined;
  const { status } = authorization;
  let last = refused(name, `the CA offers no ${solvers.map(({ type }) => type).join(' or ')} challenge`);
  for (const solver of solvers) {
    const challenge = authorization.challenges.find(({ type }) => type === solver.type);
    if (challenge === undefined) continue;
    try {
      await prove(options, { solver, url, status }, challenge);
      return solver.type;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof NotPresented))
        throw withDetails(toLinkgateError(error), { challenge: solver.type });
      last = withDetails(error.error, { challenge: solver.type });
    }
  }
  throw last;
};

/**
 * newOrder, with `replaces` where it is known. The CA may object to it (a certificate that was replaced already, a malformed id, another
 * account), which must not stop a renewal: the order is placed once more without it (RFC 9773 §5).
 */
const place = async ({ session, name, options = {} }: OrderCertificateOptions): Promise<AcmeOrder> => {
  const { replaces, ...others } = options;
  if (replaces === undefined) return session.placeOrder(name, others);
  try {
    return await session.placeOrder(name, options);
  } catch (error) {
    const { code, details } = toLinkgateError(error);
    const { status = 0 } = details;
    const isAboutAccount = isProblemType(details, 'accountDoesNotExist');
    const isRefusal = code === 'ERR_ACME_REFUSED' && status >= 400 && status < 500 && !isAboutAccount;
    // 500: a CA that fails because of the id.
    if (!isRefusal && status !== 500) throw error;
    return session.placeOrder(name, others);
  }
};

/** a CA signs on several machines */
const TOLERANCE_MS = 5 * 60_000;

/** A certificate that clients refuse by its dates must not replace another one. The time of the CA counts: that of this machine may be wrong. */
const checkDates = (
  name: string,
  { notBeforeMs, notAfterMs }: CertificateFacts,
  { atMs }: DownloadedChain,
): void => {
  if (atMs === undefined || (notBeforeMs <= atMs + TOLERANCE_MS && notAfterMs > atMs)) return;
  const what = notAfterMs <= atMs ? 'had expired' : 'was not valid yet';
  throw new LinkgateError('ERR_CERT_INVALID', `certificate for "${name}" ${what} when the CA gave it`, {
    details: { domain: name },
  });
};

const expectStatus = (name: string, order: AcmeOrder, status: string): void => {
  if (order.status !== status) throw refused(name, `it became "${order.status}"`, order.problem);
};

/**
 * Orders, validates and downloads a certificate for one name.
 * 1. newOrder, if necessary without `replaces`. 2. Each authorization that is not valid yet. 3. The order becomes ready. 4. A fresh key,
 * finalize. 5. The order becomes valid. 6. Download, and a check of key, name and time.
 * @throws LinkgateError `ERR_ACME_UNAUTHORIZED` (the name could not be validated), `ERR_ACME_RATE_LIMITED`
 * (details.retryAfterMs), `ERR_ACME_REFUSED`, `ERR_ACME_UNREACHABLE`, `ERR_ACME_TIMEOUT`, `ERR_CERT_INVALID`;
 * else the reason of `signal`
 * @see RFC 8555 §7.4 (order), §7.5.1 (challenge), §7.1.6 (states)
 */
export const orderCertificate = async (options: OrderCertificateOptions): Promise<Ordered> => {
  const { session, name, keyType } = options;
  const placed = await place(options);
  let challenge: ChallengeType | undefined;
  for (const url of placed.authorizations) challenge = (await authorize(options, url)) ?? challenge;

  const read = () => session.readOrder(placed.url);
  const ready = placed.status === 'ready' ? placed : await poll(options, ['pending'], read);
  expectStatus(name, ready, 'ready');

  const keyPem = await createPrivateKeyPem(keyType);
  const finalized = await session.finalize(ready, { name, keyPem });
  const valid = finalized.status === 'valid' ? finalized : await poll(options, ['ready', 'processing'], read);
  expectStatus(name, valid, 'valid');
  if (valid.certificate === undefined) throw refused(name, 'it is valid but has no certificate');

  const downloaded = await session.downloadChain(valid.certificate);
  const { chainPem } = downloaded;
  checkDates(name, checkCertificate(name, { keyPem, chainPem }), downloaded);
  checkIssuance(name, chainPem);
  return { keyPem, chainPem, ...(challenge === undefined ? {} : { challenge }) };
};
