// How a CA refuses: problem documents (RFC 7807, RFC 8555 §6.7) and Retry-After become LinkgateErrors with the CA's own words. Does not
// decide what happens next.

import { LinkgateError, type ErrorCode } from '../../core/errors.ts';
import { LONGEST_PAUSE_MS } from '../issuers/issuer.ts';

const PREFIX = 'urn:ietf:params:acme:error:';
/** RFC 7807 §4.2: only the status is known */
const UNTYPED = 'about:blank';
const LONGEST_DETAIL_CHARS = 1000;
const MOST_SUBPROBLEMS = 20;

/** The parts of a problem document that make sense. `type` is never empty. */
export interface Problem {
  readonly type: string;
  readonly detail: string;
  readonly subproblems: readonly { readonly type: string; readonly detail: string; readonly name?: string }[];
}

type Fields = Readonly<Record<string, unknown>>;

const asFields = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : {};

/** One line, without control characters, of bounded length: it goes to logs and terminals. */
const plain = (value: unknown): string =>
  typeof value === 'string'
    ? value
        .replaceAll(/\p{Cc}+/gu, ' ')
        .trim()
        .slice(0, LONGEST_DETAIL_CHARS)
    : '';

/** Reads a problem document; any value will do. */
export const parseProblem = (value: unknown): Problem => {
  const { type, detail, subproblems } = asFields(value);
  return {
    type: plain(type) || UNTYPED,
    detail: plain(detail),
    subproblems: (Array.isArray(subproblems) ? subproblems : []).slice(0, MOST_SUBPROBLEMS).map((entry) => {
      const { type, detail, identifier } = asFields(entry);
      const name = plain(asFields(identifier)['value']);
      return { type: plain(type) || UNTYPED, detail: plain(detail), ...(name === '' ? {} : { name }) };
    }),
  };
};

export const isProblemType = (problem: { readonly type?: unknown }, short: string): boolean =>
  problem.type === PREFIX + short;

/**
 * Retry-After (RFC 9110 §10.2.3) in seconds or as a date, in milliseconds from now, bounded to a day.
 * @returns undefined when there is none or it makes no sense
 */
export const parseRetryAfter = (value: string | undefined, nowMs: number): number | undefined => {
  if (value === undefined) return undefined;
  const text = value.trim();
  const ms = /^\d{1,15}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), LONGEST_PAUSE_MS);
};

export interface Refusal {
  /** what was asked, for the message: `new order`, `GET https://…` */
  readonly subject: string;
  readonly problem: Problem;
  /** HTTP status; absent when the problem came inside an object */
  readonly status?: number;
  readonly retryAfterMs?: number | undefined;
}

const toError = (
  code: ErrorCode,
  { subject, problem, status, retryAfterMs }: Refusal,
  outcome: string,
): LinkgateError => {
  const type = problem.type === UNTYPED ? '' : problem.type.replace(PREFIX, '');
  const words = [outcome, type, problem.detail].filter((word) => word !== '').join(': ');
  return new LinkgateError(code, `${subject} ${words}`, {
    details: {
      ...problem,
      ...(status === undefined ? {} : { status }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    },
  });
};

/**
 * The error for a response that is no success.
 * 1. 429, or the type rateLimited → `ERR_ACME_RATE_LIMITED`.
 * 2. 5xx → `ERR_ACME_UNREACHABLE`: nothing is wrong with the request.
 * 3. Everything else → `ERR_ACME_REFUSED`.
 */
export const refusalError = (refusal: Refusal): LinkgateError => {
  const { problem, status = 0 } = refusal;
  if (status === 429 || isProblemType(problem, 'rateLimited')) {
    return toError('ERR_ACME_RATE_LIMITED', refusal, 'was rate limited');
  }
  if (status >= 500 || isProblemType(problem, 'serverInternal')) {
    return toError(
      'ERR_ACME_UNREACHABLE',
      refusal,
      `failed at the CA${status === 0 ? '' : ` with ${status}`}`,
    );
  }
  return toError('ERR_ACME_REFUSED', refusal, 'was refused');
};

/** Types of a validation that are about policy: the CA may have reached the name. */
const POLICY_TYPES = ['caa', 'rejectedIdentifier', 'unsupportedIdentifier', 'userActionRequired'];

/**
 * The error for an authorization that became invalid: `ERR_ACME_UNAUTHORIZED`, unless the CA was at fault or forbids it.
 * @param name - the name that was to be validated
 */
export const validationError = (name: string, problem: Problem): LinkgateError => {
  const refusal = { subject: `validation of "${name}"`, problem };
  const isOther = ['rateLimited', 'serverInternal', ...POLICY_TYPES].some((type) =>
    isProblemType(problem, type),
  );
  return isOther ? refusalError(refusal) : toError('ERR_ACME_UNAUTHORIZED', refusal, 'failed');
};
