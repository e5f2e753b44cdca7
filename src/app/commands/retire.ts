// The end of a name that `certificates.keepServing` would serve on: its certificate goes to the archive, which is where removed
// names are looked for. Touches nothing else.

import { createCertificateStore } from '../../cert/state/store.ts';
import { systemClock } from '../../core/platform/clock.ts';
import type { Settings } from '../../core/settings.ts';
import { createFileStorage } from '../../storage/file.ts';

/** Quiet when there is no certificate. @throws LinkgateError `ERR_STORAGE_UNAVAILABLE` */
export const archiveCertificate = async ({ certificates }: Settings, name: string): Promise<void> => {
  const storage = createFileStorage({ path: certificates.storage.path, clock: systemClock });
  await storage.open();
  await createCertificateStore({ storage }).archive(name);
};
