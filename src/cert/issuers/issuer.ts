// What every issuer offers to issue.ts, whether a CA behind ACME or the one in the storage.

import type { KeyAndChain } from '../certificate.ts';
import type { Origin } from '../store.ts';

export interface Issuer extends Origin {
  /**
   * A fresh certificate for one name, with a fresh key, checked against both.
   * @param name - lower-case A-label, no trailing dot
   * @param signal - aborts between and within steps
   * @throws GateError `ERR_ACME_*`, `ERR_CERT_INVALID`, `ERR_STORAGE_*`
   */
  obtain(name: string, signal: AbortSignal): Promise<KeyAndChain>;
}
