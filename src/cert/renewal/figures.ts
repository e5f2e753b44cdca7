// How all renewals together stand, for the metrics: one pass over the entries of the loop, which may be a hundred thousand.

import type { RenewalFigures } from '../../core/certificate-state.ts';
import { renewAtMs } from './plan.ts';
import type { Entry } from './queue/entry.ts';

type Certificate = NonNullable<Entry['certificate']>;
type WindowState = keyof RenewalFigures['windows'];

/** The loop has computed it already, except for names that pause: the place in a window costs a digest for each name. */
const wantedMs = ({ state, dueQueuedMs }: Entry, certificate: Certificate, nowMs: number): number =>
  (state?.failures ?? 0) === 0 && dueQueuedMs < Infinity ? dueQueuedMs : renewAtMs(certificate, state, nowMs);

const windowOf = ({ state }: Entry, { fingerprint }: Certificate, nowMs: number): WindowState => {
  const renewal = state?.renewal;
  if (renewal === undefined || renewal.fingerprint !== fingerprint || renewal.windowEndMs === 0)
    return 'none';
  if (nowMs < renewal.windowStartMs) return 'ahead';
  return nowMs < renewal.windowEndMs ? 'open' : 'past';
};

/** @param entries - names without a certificate do not count: they are pending or failing */
export const renewalFigures = (entries: Iterable<Entry>, nowMs: number): RenewalFigures => {
  const windows = { ahead: 0, open: 0, past: 0, none: 0 };
  let soonestWindowMs = Infinity;
  let soonestRenewalMs = Infinity;
  let latenessRatio = 0;
  let leastRemainingRatio = Infinity;
  for (const entry of entries) {
    const { certificate } = entry;
    if (certificate === undefined) continue;
    const lifetimeMs = Math.max(1, certificate.notAfterMs - certificate.notBeforeMs);
    if (certificate.source === 'acme') {
      const window = windowOf(entry, certificate, nowMs);
      windows[window] += 1;
      if (window === 'ahead')
        soonestWindowMs = Math.min(soonestWindowMs, entry.state?.renewal?.windowStartMs ?? Infinity);
    }
    const renewMs = wantedMs(entry, certificate, nowMs);
    soonestRenewalMs = Math.min(soonestRenewalMs, renewMs);
    latenessRatio = Math.max(latenessRatio, (nowMs - renewMs) / lifetimeMs);
    leastRemainingRatio = Math.min(
      leastRemainingRatio,
      Math.min(1, Math.max(0, (certificate.notAfterMs - nowMs) / lifetimeMs)),
    );
  }
  const known = (value: number): number | undefined => (value === Infinity ? undefined : value);
  return {
    windows,
    soonestWindowMs: known(soonestWindowMs),
    soonestRenewalMs: known(soonestRenewalMs),
    latenessRatio,
    leastRemainingRatio: known(leastRemainingRatio),
  };
};
