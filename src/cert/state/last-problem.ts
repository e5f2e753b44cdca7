// An error of an attempt, in the words of `certs list`: type, detail and subproblems as the CA sent them. Pure.

import type { LastProblem } from '../../core/certificate-state.ts';
import type { LinkgateError } from '../../core/errors.ts';

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** as long as a person still reads it, and as a state file stays small */
const LONGEST_DETAIL = 2_000;

/** `name: detail` of each subproblem (RFC 8555 §6.7.1). */
const subproblemTexts = (value: unknown): readonly string[] =>
  (Array.isArray(value) ? (value as unknown[]) : []).flatMap((entry) => {
    const { name, type, detail } = (entry ?? {}) as Readonly<Record<string, unknown>>;
    const what = textOf(detail) ?? textOf(type);
    return what === undefined ? [] : [`${textOf(name) ?? '?'}: ${what}`];
  });

/** What `certs list` shows of a failed attempt at `atMs`. */
export const lastProblemOf = (error: LinkgateError, atMs: number): LastProblem => {
  const { type, detail, issuer, subproblems, remedy } = error.details;
  const urn = textOf(type);
  const details = [textOf(detail) ?? error.message, ...subproblemTexts(subproblems)];
  return {
    at: new Date(atMs).toISOString(),
    issuer: textOf(issuer) ?? '',
    type: urn?.startsWith('urn:') === true ? urn : error.code,
    detail: details.join('; ').slice(0, LONGEST_DETAIL),
    remedy: textOf(remedy) ?? error.entry.help,
  };
};
