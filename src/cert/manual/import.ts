// The manual operation that stores a certificate of the person's own. It is checked before the lock of the name is taken, and it is never
// renewed: only its owner replaces it.

import type { CertificateStatus } from '../../core/certificate-state.ts';
import type { KeyAndChain } from '../certificate/certificate.ts';
import { prepareImport } from '../import/prepare-import.ts';
import { announceChange } from '../state/changes.ts';
import { NOTHING_YET } from '../state/issuance-state.ts';
import { mustBeConfigured, statusOf } from './inspect.ts';
import type { ManualContext } from './manual-context.ts';

export interface GivenCertificate extends KeyAndChain {
  /** of an encrypted key */
  readonly password?: string;
}

/** @throws LinkgateError `ERR_CERT_INVALID` naming what is wrong with it */
export const importCertificate = async (
  context: ManualContext,
  name: string,
  { signal, ...given }: GivenCertificate & { readonly signal: AbortSignal },
): Promise<CertificateStatus> => {
  const { storage, states, clock } = context;
  mustBeConfigured(context, name);
  const prepared = prepareImport({ name, ...given, nowMs: clock.now() });
  await states.hold(name, { signal }, async (held) => {
    await held.storeCertificate({ ...prepared, source: 'import', issuer: 'import' });
    await held.storeState(NOTHING_YET);
    await announceChange(storage, clock, name);
  });
  return statusOf(context, name);
};
