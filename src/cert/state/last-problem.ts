// An error of an attempt, in the words of `certs list`: type, detail and subproblems as the CA sent them. Pure.

import type { LastProblem } from '../../core/certificate-state.ts';
import type { ErrorDetails } from '../../core/error-details.ts';
import type { LinkgateError } from '../../core/errors.ts';

/** a person still reads so much, and a state file stays small */
const LONGEST_DETAIL = 2_000;

/** `name: detail` of each subproblem (RFC 8555 §6.7.1). */
const subproblemTexts = ({ subproblems = [] }: ErrorDetails): readonly string[] =>
  subproblems.map(({ name = '?', type, detail }) => `${name}: ${detail || type}`);

/** What `certs list` shows of a failed attempt at `atMs`. */
export const lastProblemOf = (error: LinkgateError, atMs: number): LastProblem => {
  const { type, detail, issuer = '', remedy = error.entry.help } = error.details;
  const words = [detail || error.message, ...subproblemTexts(error.details)];
  return {
    at: new Date(atMs).toISOString(),
    issuer,
    type: type?.startsWith('urn:') === true ? type : error.code,
    detail: words.join('; ').slice(0, LONGEST_DETAIL),
    remedy,
  };
};
