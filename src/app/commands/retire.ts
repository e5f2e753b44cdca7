// The end of a name that `certificates.keepServing` would keep serving: its certificate moves to the archive, which the proxy does not
// serve from. It changes nothing else.

import { createCertificateStore } from '../../cert/state/store.ts';
import type { Settings } from '../../core/settings.ts';
import { withOwnedStorage } from '../storage-owner.ts';

/** Quiet when there is no certificate. @throws LinkgateError `ERR_STORAGE_*` */
export const archiveCertificate = ({ certificates }: Settings, name: string): Promise<void> =>
  withOwnedStorage(certificates.storage.path, (storage) => createCertificateStore({ storage }).archive(name));
