// Asks the CA when it wants one of its certificates to be renewed (RFC 9773 §4). The answer is advice: when something goes wrong here,
// the plan by the lifetime stays. The renewal loop calls it.

import type { Clock } from '../../core/platform/clock.ts';
import type { RenewalInfo } from '../issuers/issuer.ts';
import type { RenewalWindow } from '../state/issuance-state.ts';
import type { CertificateStore, KnownCertificate, StoredCertificate } from '../state/store.ts';

/** When the CA wants one of its certificates to be renewed; undefined when it does not say. @throws LinkgateError when it cannot be asked */
export type AskRenewalInfo = (
  certificate: StoredCertificate,
  signal: AbortSignal,
) => Promise<RenewalInfo | undefined>;

export interface PollRenewalInfoOptions {
  readonly store: Pick<CertificateStore, 'read'>;
  readonly renewalInfo: AskRenewalInfo;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** when the CA could not be asked */
const FAILED_PAUSE_MS = 3_600_000;
/** when the CA names no window, or does not know the certificate yet (RFC 9773 §4.3.3) */
const NO_WINDOW_PAUSE_MS = 6 * 3_600_000;

/**
 * The CA's window for a certificate, and when to ask again. A failure keeps the last window, and asks again after an hour.
 * @returns undefined when the name has another certificate by now. Never rejects.
 */
export const pollRenewalInfo = async (
  { store, renewalInfo, clock, signal }: PollRenewalInfoOptions,
  { domain, fingerprint }: Pick<KnownCertificate, 'domain' | 'fingerprint'>,
  last: RenewalWindow | undefined,
): Promise<RenewalWindow | undefined> => {
  try {
    const certificate = await store.read(domain);
    if (certificate?.fingerprint !== fingerprint) return undefined;
    const info = await renewalInfo(certificate, signal);
    if (info === undefined) {
      return { fingerprint, windowStartMs: 0, windowEndMs: 0, askAgainMs: clock.now() + NO_WINDOW_PAUSE_MS };
    }
    const { windowStartMs, windowEndMs, retryAfterMs, explanationUrl } = info;
    return {
      fingerprint,
      windowStartMs: Math.round(windowStartMs),
      windowEndMs: Math.round(windowEndMs),
      askAgainMs: Math.round(clock.now() + retryAfterMs),
      ...(explanationUrl === undefined ? {} : { explanationUrl }),
    };
  } catch {
    const kept = last?.fingerprint === fingerprint ? last : { fingerprint, windowStartMs: 0, windowEndMs: 0 };
    return { ...kept, askAgainMs: clock.now() + FAILED_PAUSE_MS };
  }
};
