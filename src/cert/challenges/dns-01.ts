// DNS-01 (RFC 8555 §8.4): a provider adds a TXT record below the name. The CA is asked to validate once every authoritative server has the
// record. Aliases are followed, so `_acme-challenge` may be in another zone.

import { createHash } from 'node:crypto';
import type { Clock } from '../../core/platform/clock.ts';
import { LinkgateError } from '../../core/errors.ts';
import type { DnsSettings } from '../../core/settings.ts';
import type { ChallengeSolver } from './http-01.ts';
import { withDeadline } from '../../core/platform/deadline.ts';
import { createZoneLookup, type ZoneLookup } from '../../dns/zone-lookup.ts';
import type { DnsProvider, TxtRecord } from './dns-provider.ts';
import { createExecProvider } from './exec.ts';
import { createRfc2136Provider } from './rfc2136.ts';

export interface DnsSolverOptions {
  readonly settings: DnsSettings;
  readonly clock: Clock;
  /** made from the settings when absent */
  readonly provider?: DnsProvider;
  readonly lookup?: ZoneLookup;
}

const FIRST_POLL_MS = 500;
const LONGEST_POLL_MS = 10_000;
/** for the removal of the record, also after an order that was aborted */
const CLEAN_UP_MS = 20_000;

/** The value of the record (RFC 8555 §8.4). */
export const txtValue = (keyAuthorization: string): string =>
  createHash('sha256').update(keyAuthorization).digest('base64url');

const createProvider = ({ provider }: DnsSettings, clock: Clock): DnsProvider =>
  provider.type === 'rfc2136'
    ? createRfc2136Provider({ settings: provider, clock })
    : createExecProvider({ settings: provider });

export const createDnsSolver = (options: DnsSolverOptions): ChallengeSolver => {
  const { settings, clock } = options;
  const provider = options.provider ?? createProvider(settings, clock);
  const lookup = options.lookup ?? createZoneLookup(settings);

  const cleanUp = async (record: TxtRecord): Promise<void> => {
    const late = (): Error =>
      new LinkgateError('ERR_DNS_UNAVAILABLE', `removal of "${record.name}" took too long`);
    await withDeadline({ clock, limitMs: CLEAN_UP_MS, late }, (signal) => provider.cleanUp(record, signal));
  };

  /** @throws LinkgateError that names a server without the record */
  const untilSeen = async (record: TxtRecord, signal: AbortSignal): Promise<void> => {
    const servers = await lookup.findServers(record.zone, signal);
    const untilMs = clock.now() + settings.propagationMs;
    let pauseMs = FIRST_POLL_MS;
    let missing = servers;
    for (;;) {
      const seen = await Promise.all(missing.map((server) => lookup.hasTxt(server, record, signal)));
      missing = missing.filter((_server, index) => seen[index] !== true);
      const first = missing[0];
      if (first === undefined) return;
      if (clock.now() + pauseMs > untilMs) {
        const what = `record of "${record.name}" was not seen at ${first} in ${settings.propagationMs} ms`;
        throw new LinkgateError('ERR_DNS_UNAVAILABLE', what);
      }
      await clock.sleep(pauseMs, signal);
      signal.throwIfAborted();
      pauseMs = Math.min(pauseMs * 1.5, LONGEST_POLL_MS);
    }
  };

  return {
    type: 'dns-01',
    present: async ({ name, keyAuthorization }, signal) => {
      const target = await lookup.followAlias(`_acme-challenge.${name}`, signal);
      const zone = await lookup.findZone(target, signal);
      const record = { name: target, value: txtValue(keyAuthorization), zone };
      try {
        await provider.present(record, signal);
        await untilSeen(record, signal);
      } catch (error) {
        // A record that was added must not stay.
        await cleanUp(record).catch(() => {});
        throw error;
      }
      return () => cleanUp(record);
    },
  };
};
