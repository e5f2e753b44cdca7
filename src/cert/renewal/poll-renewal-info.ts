// Asking the CA when it would like one of its certificates to be renewed (RFC 9773 §4). Advice, not a duty: whatever goes
// wrong here, the plan by the lifetime stands. Between the issuers and the renewal loop.

import type { Clock } from '../../core/platform/clock.ts';
import type { RenewalInfo } from '../issuers/issuer.ts';
import type { CertificateStore, KnownCertificate, RenewalWindow, StoredCertificate } from '../state/store.ts';

/** The CA's wish for one of its certificates; undefined when it has none. @throws LinkgateError when it cannot be asked */
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

/** after a failure */
const ASK_PAUSE_MS = 3_600_000;
/** of a CA that has no wishes, or does not know the certificate yet (RFC 9773 §4.3.3) */
const NO_WISH_PAUSE_MS = 6 * 3_600_000;

/**
 * What the CA wishes for `asked`, with when to ask again. A failure keeps the last wish and waits an hour.
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
      return { fingerprint, windowStartMs: 0, windowEndMs: 0, askAgainMs: clock.now() + NO_WISH_PAUSE_MS };
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
    return { ...kept, askAgainMs: clock.now() + ASK_PAUSE_MS };
  }
};
