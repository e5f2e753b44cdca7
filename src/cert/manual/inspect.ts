// The manual operations that change nothing: list, show, and export. A stored certificate that cannot be read or served is shown as
// failing, and hides no other one.

import { X509Certificate } from 'node:crypto';
import type { CertificateStatus } from '../../core/certificate-state.ts';
import { LinkgateError, toLinkgateError } from '../../core/errors.ts';
import { isUnreadable } from '../../core/storage.ts';
import { unknownDomain } from '../../core/domain-name.ts';
import { splitChain } from '../certificate/certificate.ts';
import { certificateStatus } from '../renewal/certificate-status.ts';
import type { RenewalWindow } from '../state/issuance-state.ts';
import { lastProblemOf } from '../state/last-problem.ts';
import type { StoredCertificate } from '../state/store.ts';
import { unlessInvalid } from '../state/unless-invalid.ts';
import type { ManualContext } from './manual-context.ts';

/** `certs show --json`: a row of the list, and the rest that is known. */
export interface CertificateDetails extends CertificateStatus {
  readonly names: readonly string[];
  /** SHA-256 of the leaf, lower-case hex */
  readonly fingerprint: string | null;
  /** subjects, leaf first */
  readonly chain: readonly string[];
  /** serials of the earlier certificates that are kept */
  readonly versions: readonly string[];
  /** when the CA wants it to be renewed (RFC 9773) */
  readonly renewalWindow: {
    readonly start: string;
    readonly end: string;
    readonly explanationUrl: string | null;
  } | null;
}

/** @throws LinkgateError `ERR_CERT_UNKNOWN_NAME` */
export const mustBeConfigured = ({ names }: Pick<ManualContext, 'names'>, name: string): void => {
  if (!names.includes(name)) throw unknownDomain(name, names);
};

const mustBeKnown = async (context: ManualContext, name: string): Promise<void> => {
  if (!(await context.store.list()).includes(name)) mustBeConfigured(context, name);
};

/** @throws LinkgateError `ERR_CERT_ABSENT`, `ERR_CERT_UNKNOWN_NAME` */
export const mustHaveCertificate = async (
  context: ManualContext,
  name: string,
): Promise<StoredCertificate> => {
  const certificate = await context.store.read(name);
  if (certificate !== undefined) return certificate;
  await mustBeKnown(context, name);
  throw new LinkgateError('ERR_CERT_ABSENT', `name "${name}" has no certificate`, {
    details: { domain: name },
  });
};

/** One row of `certs list`. */
export const statusOf = async (
  { names, store, states, clock }: ManualContext,
  name: string,
): Promise<CertificateStatus> => {
  const isRemoved = !names.includes(name);
  const known = { domain: name, nowMs: clock.now(), isRemoved };
  try {
    const [certificate, state] = await Promise.all([store.read(name), states.read(name)]);
    return certificateStatus({ ...known, certificate, state });
  } catch (error) {
    const problem = toLinkgateError(error);
    if (problem.code !== 'ERR_CERT_INVALID' && !isUnreadable(problem)) throw error;
    const row = certificateStatus({ ...known, certificate: undefined, state: undefined });
    const lastProblem = lastProblemOf(problem, clock.now());
    return { ...row, state: isRemoved ? 'retired' : 'failing', lastProblem };
  }
};

export const listCertificates = async (context: ManualContext): Promise<readonly CertificateStatus[]> => {
  const { names, store } = context;
  const removed = (await store.list()).filter((name) => !names.includes(name));
  const rows: CertificateStatus[] = [];
  for (const name of [...names, ...removed]) rows.push(await statusOf(context, name));
  return rows;
};

const windowOf = (
  window: RenewalWindow | undefined,
  certificate: StoredCertificate | undefined,
): CertificateDetails['renewalWindow'] =>
  window === undefined || window.fingerprint !== certificate?.fingerprint || window.windowEndMs === 0
    ? null
    : {
        start: new Date(window.windowStartMs).toISOString(),
        end: new Date(window.windowEndMs).toISOString(),
        explanationUrl: window.explanationUrl ?? null,
      };

export const showCertificate = async (context: ManualContext, name: string): Promise<CertificateDetails> => {
  const { store, states } = context;
  await mustBeKnown(context, name);
  const [status, certificate] = [await statusOf(context, name), await unlessInvalid(store.read(name))];
  const [state, versions] = await Promise.all([states.read(name), store.versions(name)]);
  const chain = splitChain(certificate?.chainPem ?? '').map((pem) => new X509Certificate(pem));
  return {
    ...status,
    names: (chain[0]?.subjectAltName ?? '')
      .split(', ')
      .flatMap((entry) => (entry.startsWith('DNS:') ? [entry.slice(4)] : [])),
    fingerprint: certificate?.fingerprint ?? null,
    chain: chain.map(({ subject }) => (subject as string | undefined)?.replaceAll('\n', ', ') ?? ''),
    versions,
    renewalWindow: windowOf(state?.renewal, certificate),
  };
};
