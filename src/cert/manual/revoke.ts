// The manual operation that revokes a certificate at its CA. The name is then planned for now: the running proxy orders at once, and serves
// the old certificate until it has another one.

import type { CertificateStatus } from '../../core/certificate-state.ts';
import { LinkgateError } from '../../core/errors.ts';
import { LONGEST_PAUSE_MS } from '../issuers/issuer.ts';
import { announceChange } from '../state/changes.ts';
import { NOTHING_YET } from '../state/issuance-state.ts';
import type { StoredCertificate } from '../state/store.ts';
import { mustHaveCertificate, statusOf } from './inspect.ts';
import type { ManualContext } from './manual-context.ts';

/** RFC 5280 §5.3.1, as far as a subscriber may use them (RFC 8555 §7.6). */
export const REVOCATION_REASONS: Readonly<Record<string, number>> = {
  unspecified: 0,
  keyCompromise: 1,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
};

const codeOf = (reason: string): number => {
  const code = Object.hasOwn(REVOCATION_REASONS, reason) ? REVOCATION_REASONS[reason] : undefined;
  if (code !== undefined) return code;
  const known = Object.keys(REVOCATION_REASONS).join(', ');
  throw new LinkgateError('ERR_USAGE', `reason "${reason}" is none of ${known}`);
};

const revokeAtCa = async (
  { issuers }: ManualContext,
  certificate: StoredCertificate,
  code: number,
  signal: AbortSignal,
): Promise<void> => {
  const { domain, source, directory } = certificate;
  const issuer = issuers.find((one) => one.source === source && one.directory === directory);
  if (issuer?.revoke !== undefined) return issuer.revoke(certificate, code, signal);
  const why =
    source === 'acme'
      ? `no issuer of the configuration is its CA, "${directory ?? ''}"`
      : `it is of source "${source}"`;
  throw new LinkgateError(
    'ERR_CERT_IMPORTED',
    `certificate for "${domain}" cannot be revoked from here: ${why}`,
  );
};

/** @throws LinkgateError `ERR_USAGE` for an unknown reason, `ERR_CERT_IMPORTED` when its CA is not configured, `ERR_ACME_*` */
export const revokeCertificate = async (
  context: ManualContext,
  name: string,
  { reason, signal }: { readonly reason: string; readonly signal: AbortSignal },
): Promise<CertificateStatus> => {
  const { storage, states, clock } = context;
  const code = codeOf(reason);
  const certificate = await mustHaveCertificate(context, name);
  await revokeAtCa(context, certificate, code, signal);
  const { fingerprint } = certificate;
  // Without the signal of the person: the certificate is revoked, so its name has to be planned for.
  await states.hold(name, {}, async (held) => {
    // Another process may have replaced it while it was revoked.
    if ((await held.readCertificate())?.fingerprint !== fingerprint) return;
    // A window of the CA that ended long ago: the name is due now.
    const askAgainMs = clock.now() + LONGEST_PAUSE_MS;
    const renewal = { fingerprint, windowStartMs: 1, windowEndMs: 2, askAgainMs };
    await held.storeState({ ...NOTHING_YET, renewal });
  });
  await announceChange(storage, clock, name);
  return statusOf(context, name);
};
