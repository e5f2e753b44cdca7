// The format of the issuers' health in the storage. Pure; issuer-health.ts decides what is kept.

import { ERRORS, type ErrorCode } from '../../core/errors.ts';

/** The health of one issuer. Times in ms since the epoch. */
export interface IssuerHealth {
  /** name in the settings */
  readonly issuer: string;
  /** ACME directory URL */
  readonly directory?: string;
  /** failures of the CA in a row; while it is passed over, none is counted */
  readonly failures: number;
  /** when `failures` began, or ended */
  readonly sinceMs?: number;
  /** the last failure of the CA, also when it has worked since */
  readonly lastFailure?: { readonly atMs: number; readonly code: ErrorCode; readonly detail: string };
  readonly lastSuccessMs?: number;
  /** until then another issuer is asked where there is one; in the past or absent when this one is asked */
  readonly passedOverUntilMs?: number;
}

const MOST_ISSUERS = 64;

type Fields = Readonly<Record<string, unknown>>;

const asFields = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : {};

const asNumber = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;

const asErrorCode = (value: unknown): ErrorCode =>
  typeof value === 'string' && Object.hasOwn(ERRORS, value) ? (value as ErrorCode) : 'ERR_INTERNAL';

const parseFailure = (value: unknown): Pick<IssuerHealth, 'lastFailure'> => {
  const { atMs, code, detail } = asFields(value);
  const failedAtMs = asNumber(atMs);
  if (failedAtMs === undefined) return {};
  const text = typeof detail === 'string' ? detail : '';
  return { lastFailure: { atMs: failedAtMs, code: asErrorCode(code), detail: text } };
};

/** Empty for a value that makes no sense. */
const parseIssuer = (value: unknown): readonly IssuerHealth[] => {
  const { issuer, directory, failures, lastFailure, ...times } = asFields(value);
  if (typeof issuer !== 'string') return [];
  const [sinceMs, lastSuccessMs, passedOverUntilMs] = [
    times['sinceMs'],
    times['lastSuccessMs'],
    times['passedOverUntilMs'],
  ].map(asNumber);
  return [
    {
      issuer,
      ...(typeof directory === 'string' ? { directory } : {}),
      failures: Math.max(0, asNumber(failures) ?? 0),
      ...(sinceMs === undefined ? {} : { sinceMs }),
      ...parseFailure(lastFailure),
      ...(lastSuccessMs === undefined ? {} : { lastSuccessMs }),
      ...(passedOverUntilMs === undefined ? {} : { passedOverUntilMs }),
    },
  ];
};

/** Empty when the text cannot be understood; an entry that cannot be understood is left out. */
export const parseHealth = (text: string): readonly IssuerHealth[] => {
  try {
    const { version, issuers } = asFields(JSON.parse(text));
    if (version !== 1 || !Array.isArray(issuers)) return [];
    return issuers.slice(0, MOST_ISSUERS).flatMap(parseIssuer);
  } catch {
    return [];
  }
};

export const formatHealth = (issuers: readonly IssuerHealth[]): string =>
  `${JSON.stringify({ version: 1, issuers })}\n`;
