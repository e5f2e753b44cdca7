// How the attempts to get a certificate for a name went, and how that stands in the storage: a restart must not ask a CA at once
// for what it has just refused. Pure; name-state.ts reads and writes it.

import type { LastProblem } from '../../core/certificate-state.ts';
import type { ChallengeType } from '../../core/settings.ts';

/** When the CA wants one certificate to be renewed (RFC 9773 §4.2), as it said last. */
export interface RenewalWindow {
  /** the certificate that the window is for: it counts for no other one */
  readonly fingerprint: string;
  /** both 0 when the CA names no window */
  readonly windowStartMs: number;
  readonly windowEndMs: number;
  /** when to ask the CA again */
  readonly askAgainMs: number;
  readonly explanationUrl?: string;
}

/** How the attempts to get a certificate went. */
export interface IssuanceState {
  /** failures in a row */
  readonly failures: number;
  /** no attempt before this time */
  readonly nextAttemptMs: number;
  /** when the last certificate was issued; 0 for never */
  readonly lastIssuedMs: number;
  /** when the last one was issued that was no early order (cert/renewal/plan.ts); absent where that is `lastIssuedMs` */
  readonly regularIssuedMs?: number;
  /** when the one before that was */
  readonly issuedBeforeMs?: number;
  /** when the certificates of the last early orders were issued, oldest first */
  readonly earlyIssuedMs?: readonly number[];
  /** the kind of challenge that proved the name last */
  readonly challenge?: ChallengeType;
  /** what the CA said of the certificate that is stored */
  readonly renewal?: RenewalWindow;
  readonly lastProblem: LastProblem | null;
}

/** The state of a name for which nothing was tried. */
export const NOTHING_YET: IssuanceState = {
  failures: 0,
  nextAttemptMs: 0,
  lastIssuedMs: 0,
  lastProblem: null,
};

type Fields = Readonly<Record<string, unknown>>;

const CHALLENGES: readonly unknown[] = [
  'http-01',
  'tls-alpn-01',
  'dns-01',
] satisfies readonly ChallengeType[];
const isChallenge = (value: unknown): value is ChallengeType => CHALLENGES.includes(value);

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isCounts = (value: unknown): value is readonly number[] => Array.isArray(value) && value.every(isCount);

const parseWindow = (value: unknown): RenewalWindow | undefined => {
  const { fingerprint, windowStartMs, windowEndMs, askAgainMs, explanationUrl } = (value ?? {}) as Fields;
  return typeof fingerprint === 'string' &&
    isCount(windowStartMs) &&
    isCount(windowEndMs) &&
    isCount(askAgainMs)
    ? {
        fingerprint,
        windowStartMs,
        windowEndMs,
        askAgainMs,
        ...(typeof explanationUrl === 'string' ? { explanationUrl } : {}),
      }
    : undefined;
};

const parseProblem = (value: unknown): LastProblem | null => {
  if (typeof value !== 'object' || value === null) return null;
  const fields = value as Fields;
  const text = (key: string): string => (typeof fields[key] === 'string' ? fields[key] : '');
  return {
    at: text('at'),
    issuer: text('issuer'),
    type: text('type'),
    detail: text('detail'),
    remedy: text('remedy'),
  };
};

const parseFields = (text: string): Fields => {
  try {
    return (JSON.parse(text) ?? {}) as Fields;
  } catch {
    return {};
  }
};

/** undefined for what cannot be understood; a field that cannot be understood is left out */
export const parseState = (text: string): IssuanceState | undefined => {
  const fields = parseFields(text);
  const { version, failures, nextAttemptMs, lastIssuedMs, challenge, lastProblem, renewal } = fields;
  const { regularIssuedMs, issuedBeforeMs, earlyIssuedMs } = fields;
  if (version !== 1 || !isCount(failures) || !isCount(nextAttemptMs) || !isCount(lastIssuedMs)) {
    return undefined;
  }
  const window = parseWindow(renewal);
  return {
    failures,
    nextAttemptMs,
    lastIssuedMs,
    ...(isCount(regularIssuedMs) ? { regularIssuedMs } : {}),
    ...(isCount(issuedBeforeMs) ? { issuedBeforeMs } : {}),
    ...(isCounts(earlyIssuedMs) ? { earlyIssuedMs } : {}),
    ...(isChallenge(challenge) ? { challenge } : {}),
    ...(window === undefined ? {} : { renewal: window }),
    lastProblem: parseProblem(lastProblem),
  };
};

export const formatState = (state: IssuanceState): string => `${JSON.stringify({ version: 1, ...state })}\n`;
