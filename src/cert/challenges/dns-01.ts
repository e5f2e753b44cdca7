// stub
import type { Clock } from '../../core/clock.ts';
import type { DnsSettings } from '../../core/settings.ts';
import type { ChallengeSolver } from '../challenge.ts';

export const createDnsSolver = (_options: {
  readonly settings: DnsSettings;
  readonly clock: Clock;
}): ChallengeSolver => ({
  type: 'dns-01',
  present: () => Promise.reject(new Error('not yet')),
});
