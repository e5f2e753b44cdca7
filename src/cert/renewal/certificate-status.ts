// How a name stands, in the words of the interface and the metrics: from its certificate, its attempts and the time. Pure; it reads
// nothing.

import type { CertificateState, CertificateStatus } from '../../core/certificate-state.ts';
import { dueAtMs } from './plan.ts';
import type { IssuanceState } from '../state/issuance-state.ts';
import type { KnownCertificate } from '../state/store.ts';

export interface DomainKnowledge {
  readonly domain: string;
  readonly certificate: KnownCertificate | undefined;
  readonly state: IssuanceState | undefined;
  readonly nowMs: number;
  /** the name is no longer configured */
  readonly isRemoved?: boolean;
}

/**
 * 0. A removed domain is retired.
 * 1. A name with a certificate that has not expired is live, also when its last renewal failed.
 * 2. A name with an expired certificate is expired.
 * 3. A name without a certificate is failing when the last attempt failed, else pending.
 */
export const certificateState = ({
  certificate,
  state,
  nowMs,
  isRemoved,
}: DomainKnowledge): CertificateState => {
  if (isRemoved === true) return 'retired';
  if (certificate !== undefined) return nowMs < certificate.notAfterMs ? 'live' : 'expired';
  return (state?.failures ?? 0) > 0 ? 'failing' : 'pending';
};

const iso = (ms: number): string => new Date(ms).toISOString();

/** null for a name without a next order: its certificate was imported, or the domain was removed */
const nextAttempt = ({ certificate, state, nowMs, isRemoved }: DomainKnowledge): string | null => {
  const atMs = isRemoved === true ? Infinity : dueAtMs(certificate, state, nowMs);
  return Number.isFinite(atMs) ? iso(Math.max(nowMs, atMs)) : null;
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
