// What every issuer offers to cert/renewal: a CA by ACME and the local CA alike. Types only, and the longest pause.

import type { ChallengeType } from '../../core/settings.ts';
import type { KeyAndChain } from '../certificate/certificate.ts';
import type { Origin } from '../state/certificate-text.ts';
import type { StoredCertificate } from '../state/store.ts';

/** No pause is longer, even when a CA asks for it. */
export const LONGEST_PAUSE_MS = 24 * 3_600_000;

export interface ObtainOptions {
  /** the certificate that the new one replaces, of this CA or of another one (RFC 9773 §5) */
  readonly replaces?: StoredCertificate;
  /** the kind of challenge that proved the name last: tried first */
  readonly challenge?: ChallengeType;
}

export interface Obtained extends KeyAndChain {
  /** the kind of challenge that proved the name; absent where none was needed */
  readonly challenge?: ChallengeType;
}

/** When the CA wants a certificate to be renewed (RFC 9773 §4.2). A window in the past means now. */
export interface RenewalInfo {
  readonly windowStartMs: number;
  /** after `windowStartMs` */
  readonly windowEndMs: number;
  /** when to ask again, from now: a minute at least and a day at most, even when the CA says otherwise */
  readonly retryAfterMs: number;
  /** a page for people: why now */
  readonly explanationUrl?: string;
}

export interface Issuer extends Origin {
  /**
   * A fresh certificate for one name, with a fresh key, checked against both.
   * @param name - lower-case A-label, no trailing dot
   * @param signal - aborts at any point
   * @throws LinkgateError `ERR_ACME_*`, `ERR_CERT_INVALID`, `ERR_STORAGE_*`; details.validations: how many orders in a row failed at
   * their validation, where more than one kind of challenge was tried
   */
  obtain(name: string, signal: AbortSignal, options?: ObtainOptions): Promise<Obtained>;
  /**
   * When the CA wants one of its certificates to be renewed.
   * @returns undefined when it does not say: no such resource, not its certificate, or an id it does not understand
   * @throws LinkgateError `ERR_ACME_*` when it could not be asked; the lifetime then decides
   */
  renewalInfo?(certificate: StoredCertificate, signal: AbortSignal): Promise<RenewalInfo | undefined>;
  /**
   * How many orders the CA still allows the account now, by our own count; absent where its limits are not known.
   * @throws LinkgateError `ERR_STORAGE_*`
   */
  ordersLeft?(): Promise<{ readonly left: number; readonly most: number }>;
  /**
   * Revokes one of its certificates, with the certificate's own key (RFC 8555 §7.6), so that no account is needed. A certificate that
   * is revoked already counts as done.
   * @param reason - CRLReason (RFC 5280 §5.3.1)
   * @throws LinkgateError `ERR_ACME_*`
   */
  revoke?(certificate: StoredCertificate, reason: number, signal: AbortSignal): Promise<void>;
}
