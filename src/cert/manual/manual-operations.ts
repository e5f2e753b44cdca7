// What a person does to certificates with `linkgate certs`. It works on the storage next to any number of running proxies: every change is
// made under the lock of the name and leaves a note (cert/state/changes.ts), so that the proxies read it at once.

import type { CertificateStatus } from '../../core/certificate-state.ts';
import { createNameStates } from '../state/name-state.ts';
import type { StoredCertificate } from '../state/store.ts';
import { importCertificate, type GivenCertificate } from './import.ts';
import {
  listCertificates,
  mustHaveCertificate,
  showCertificate,
  type CertificateDetails,
} from './inspect.ts';
import type { ManualContext } from './manual-context.ts';
import { issueCertificate, renewCertificates, type Renewed } from './order.ts';
import { revokeCertificate } from './revoke.ts';

export type ManualOperationsOptions = Omit<ManualContext, 'states'>;

/** Every operation throws LinkgateError `ERR_STORAGE_*`, and `ERR_CERT_UNKNOWN_NAME` for a name that is neither configured nor stored. */
export interface ManualOperations {
  /** configured names in their order, then the removed ones */
  list(): Promise<readonly CertificateStatus[]>;
  show(name: string): Promise<CertificateDetails>;
  /** a certificate for a name without one, or (`force`) another one, which also replaces an imported one */
  issue(name: string, force: boolean, signal: AbortSignal): Promise<CertificateStatus>;
  /** names whose renewal has come, or (`force`) all of them; imported ones are left alone */
  renew(names: readonly string[], force: boolean, signal: AbortSignal): Promise<readonly Renewed[]>;
  /** revokes at the CA; the running proxy then replaces it */
  revoke(name: string, reason: string, signal: AbortSignal): Promise<CertificateStatus>;
  import(name: string, given: GivenCertificate, signal: AbortSignal): Promise<CertificateStatus>;
  /** @throws LinkgateError `ERR_CERT_ABSENT` */
  export(name: string): Promise<StoredCertificate>;
}

export const createManualOperations = (options: ManualOperationsOptions): ManualOperations => {
  const context: ManualContext = { ...options, states: createNameStates(options) };
  return {
    list: () => listCertificates(context),
    show: (name) => showCertificate(context, name),
    issue: (name, force, signal) => issueCertificate(context, name, { force, signal }),
    renew: (names, force, signal) => renewCertificates(context, names, { force, signal }),
    revoke: (name, reason, signal) => revokeCertificate(context, name, { reason, signal }),
    import: (name, given, signal) => importCertificate(context, name, { ...given, signal }),
    export: (name) => mustHaveCertificate(context, name),
  };
};
