// The objects that a CA sends, checked once and turned into the shapes of order.ts. What makes no sense is an error of the CA.

import { LinkgateError } from '../../core/errors.ts';
import type { AcmeAuthorization, AcmeOrder } from './order.ts';
import { parseProblem } from './problem.ts';

/** The directory object (RFC 8555 §7.1.1): resource names to URLs. */
export type AcmeDirectory = Readonly<Record<string, unknown>>;

type Fields = Readonly<Record<string, unknown>>;

const nonsense = (what: string, cause?: unknown): LinkgateError =>
  new LinkgateError('ERR_ACME_UNREACHABLE', `CA sent ${what} that makes no sense`, { cause });

/** acme-client throws plain errors about a response that it does not understand. */
export const guarded = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    throw error instanceof LinkgateError ? error : nonsense(what, error);
  }
};

const asFields = (value: unknown, what: string): Fields => {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw nonsense(what);
};

export const asText = (value: unknown, what: string): string => {
  if (typeof value === 'string' && value !== '') return value;
  throw nonsense(what);
};

export const asDirectory = (value: unknown): AcmeDirectory => asFields(value, 'a directory');

export const asOrder = (value: unknown, url: string): AcmeOrder => {
  const fields = asFields(value, 'an order');
  const authorizations: unknown[] = Array.isArray(fields['authorizations']) ? fields['authorizations'] : [];
  return {
    url,
    status: asText(fields['status'], 'an order'),
    authorizations: authorizations.map((entry) => asText(entry, 'an order')),
    finalize: asText(fields['finalize'], 'an order'),
    ...(fields['certificate'] === undefined
      ? {}
      : { certificate: asText(fields['certificate'], 'an order') }),
    ...(fields['error'] === undefined ? {} : { problem: parseProblem(fields['error']) }),
  };
};

export const asAuthorization = (value: unknown): AcmeAuthorization => {
  const fields = asFields(value, 'an authorization');
  const identifier = asFields(fields['identifier'], 'an authorization');
  const challenges: unknown[] = Array.isArray(fields['challenges']) ? fields['challenges'] : [];
  return {
    status: asText(fields['status'], 'an authorization'),
    name: asText(identifier['value'], 'an authorization').toLowerCase(),
    challenges: challenges.map((entry) => {
      const challenge = asFields(entry, 'a challenge');
      return {
        type: asText(challenge['type'], 'a challenge'),
        url: asText(challenge['url'], 'a challenge'),
        token: typeof challenge['token'] === 'string' ? challenge['token'] : '',
        ...(challenge['error'] === undefined ? {} : { problem: parseProblem(challenge['error']) }),
      };
    }),
  };
};

/**
 * The profile to order. A profile that the CA does not have is an error: without it the certificate would have another lifetime, and
 * nobody would notice.
 * @throws LinkgateError `ERR_ACME_REFUSED`
 */
export const checkProfile = (profile: string | undefined, { meta }: AcmeDirectory): string | undefined => {
  if (profile === undefined) return undefined;
  const known = Object.keys(((meta as { profiles?: object } | undefined)?.profiles ?? {}) as object);
  if (known.includes(profile)) return profile;
  const has = known.length === 0 ? 'it has none' : `it has ${known.slice(0, 20).join(', ')}`;
  throw new LinkgateError('ERR_ACME_REFUSED', `CA has no profile "${profile}": ${has}`);
};
