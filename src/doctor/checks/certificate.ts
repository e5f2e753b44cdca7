// The certificate that is served: trusted, complete, for this name, valid now; and what the proxy says of its renewal.

import type { CertificateStatus } from '../../core/certificate-state.ts';
import type { Check } from '../examination/examination.ts';
import { finding, good, type Finding, type FindingId } from '../examination/findings.ts';
import type { Probe } from '../examination/probe.ts';

const DAY_MS = 86_400_000;
/** a renewal is due at two thirds of the lifetime: a certificate in this last part of it was not renewed */
const LAST_PART = 0.2;

/** codes of OpenSSL and Node */
const DISTRUSTS: Readonly<Record<string, FindingId>> = {
  CERT_HAS_EXPIRED: 'certificate-expired',
  CERT_NOT_YET_VALID: 'certificate-early',
  ERR_TLS_CERT_ALTNAME_INVALID: 'certificate-name',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificate-chain',
  UNABLE_TO_GET_ISSUER_CERT: 'certificate-chain',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'certificate-chain',
};

const WHATS: Readonly<Partial<Record<FindingId, string>>> = {
  'certificate-expired': 'the certificate has expired',
  'certificate-early': 'the certificate is not valid yet',
  'certificate-name': 'the certificate is for other names',
  'certificate-chain': 'the chain stops before a root that everybody trusts: an intermediate is missing',
  'certificate-untrusted': 'the certificate is not from a CA that everybody trusts',
};

const iso = (ms: number): string => new Date(ms).toISOString().slice(0, 16).replace('T', ' ');

const factsOf = ({ address, certificate, distrust }: Probe): string[] => {
  if (certificate === undefined) return [];
  const { names, issuer, notBeforeMs, notAfterMs } = certificate;
  return [
    `${address}: for ${names.join(', ')} by ${issuer}, ${iso(notBeforeMs)}Z to ${iso(notAfterMs)}Z`,
    ...(distrust === undefined ? [] : [distrust]),
  ];
};

const judgeServed = (probe: Probe, nowMs: number): Finding | undefined => {
  const { certificate, distrust } = probe;
  const evidence = factsOf(probe);
  if (certificate === undefined) {
    if (probe.response !== undefined || !probe.connected) return undefined;
    const what = `${probe.address} shows no certificate for this name`;
    return finding('certificate', 'certificate-absent', { what, evidence: [probe.failure ?? ''] });
  }
  if (distrust !== undefined) {
    const id = DISTRUSTS[distrust] ?? 'certificate-untrusted';
    return finding('certificate', id, { what: WHATS[id] ?? distrust, evidence });
  }
  const left = certificate.notAfterMs - nowMs;
  if (left < (certificate.notAfterMs - certificate.notBeforeMs) * LAST_PART) {
    const what = `${Math.max(0, Math.floor(left / DAY_MS))} days left, and not renewed`;
    return finding('certificate', 'certificate-ending', { what, evidence });
  }
  return undefined;
};

const judgeKept = (status: CertificateStatus | undefined): Finding | undefined => {
  const problem = status?.lastProblem;
  if (problem === undefined || problem === null) return undefined;
  return finding('certificate', 'certificate-problem', {
    what: `the last order failed: ${problem.detail}`,
    evidence: [
      `${problem.at} ${problem.issuer}: ${problem.type}`,
      `next attempt ${status?.nextAttempt ?? 'not planned'}`,
    ],
    remedy: problem.remedy,
  });
};

export const checkCertificate: Check = async ({ certificate: status, tools: { clock }, https }) => {
  const probes = await https();
  const nowMs = clock.now();
  const kept = judgeKept(status);
  // one finding of each kind, with the evidence of every address
  const served = new Map<string, Finding>();
  for (const probe of probes) {
    const one = judgeServed(probe, nowMs);
    if (one?.id !== undefined)
      served.set(one.id, { ...one, evidence: [...(served.get(one.id)?.evidence ?? []), ...one.evidence] });
  }
  const found = [...served.values(), ...(kept === undefined ? [] : [kept])];
  if (found.length > 0) return found;
  const seen = probes.find((probe) => probe.certificate !== undefined);
  if (seen?.certificate === undefined) return [];
  const days = Math.floor((seen.certificate.notAfterMs - nowMs) / DAY_MS);
  const next = status?.nextAttempt ?? undefined;
  const renewal = next === undefined ? '' : `, next renewal ${next.slice(0, 10)}`;
  return [good('certificate', `${days} days left${renewal}`, factsOf(seen))];
};
