// How a name stands: its certificate, its attempts and the time, in the words of interface and metrics. The first step of
// the certificate path: what is not live, or soon will not be, is ordered. Pure; must not read anything.

import type { CertificateState, CertificateStatus } from '../../core/certificate-state.ts';
import { dueMs } from './plan.ts';
import type { IssuanceState, KnownCertificate } from '../state/store.ts';

export interface DomainKnowledge {
  readonly domain: string;
  readonly certificate: KnownCertificate | undefined;
  readonly state: IssuanceState | undefined;
  readonly nowMs: number;
  /** the name is no longer configured */
  readonly isRetired?: boolean;
}

/**
 * 0. A name that left the configuration is retired.
 * 1. A certificate within its time is live, whatever the last renewal did.
 * 2. One past its end is expired.
 * 3. None: failing when the last attempt failed, else pending.
 */
export const certificateState = ({
  certificate,
  state,
  nowMs,
  isRetired,
}: DomainKnowledge): CertificateState => {
  if (isRetired === true) return 'retired';
  if (certificate !== undefined) return nowMs < certificate.notAfterMs ? 'live' : 'expired';
  return (state?.failures ?? 0) > 0 ? 'failing' : 'pending';
};

const iso = (ms: number): string => new Date(ms).toISOString();

/** null for a name that is never ordered: its certificate was imported, or it removed */
const nextAttempt = ({ certificate, state, nowMs, isRetired }: DomainKnowledge): string | null => {
  const dueAtMs = isRetired === true ? Infinity : dueMs(certificate, state, nowMs);
  return Number.isFinite(dueAtMs) ? iso(Math.max(nowMs, dueAtMs)) : null;
};

/** One row of `certs list`. */
export const certificateStatus = (knowledge: DomainKnowledge): CertificateStatus => {
  const { domain, certificate, state } = knowledge;
  return {
    domain,
    state: certificateState(knowledge),
    source: certificate?.source ?? null,
    issuer: certificate?.issuer ?? null,
    serial: certificate?.serial ?? null,
    notBefore: certificate === undefined ? null : iso(certificate.notBeforeMs),
    notAfter: certificate === undefined ? null : iso(certificate.notAfterMs),
    nextAttempt: nextAttempt(knowledge),
    lastProblem: (state?.failures ?? 0) > 0 ? (state?.lastProblem ?? null) : null,
  };
};
