// The list of served domains in the storage: a removed domain is served on with the settings that it had last. Every proxy on the storage
// writes its own domains into the one list. removed-domains.ts reads it.

import type { Clock } from '../../core/platform/clock.ts';
import { isDomainName } from '../../core/domain-name.ts';
import type { DomainSettings, UpstreamId } from '../../core/settings.ts';
import type { Storage } from '../../core/storage.ts';
import { withLock } from '../state/name-lock.ts';

export interface ServedListOptions {
  readonly storage: Storage;
  readonly clock: Clock;
}

const KEY = 'served.json';
/** without a dot, so never the lock of a name */
const LOCK = 'served';
const LOCK_WAIT_MS = 10_000;
/** so long a removed domain without a certificate stays in the list */
const FORGOTTEN_MS = 30 * 86_400_000;
const UPSTREAMS: readonly unknown[] = ['us', 'eu', 'custom'] satisfies readonly UpstreamId[];
const isUpstream = (value: unknown): value is UpstreamId => UPSTREAMS.includes(value);

/** A domain of the list, and since when no proxy that wrote the list has had it. */
interface Served extends DomainSettings {
  readonly leftMs?: number;
}

const settingsOf = ({ name, upstream, redirectHttp }: DomainSettings): DomainSettings => ({
  name,
  upstream,
  redirectHttp,
});

const parseServed = (text: string): readonly Served[] => {
  try {
    const { version, domains } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    if (version !== 1 || !Array.isArray(domains)) return [];
    return (domains as Readonly<Record<string, unknown>>[]).flatMap(
      ({ name, upstream, redirectHttp, leftMs }) =>
        typeof name === 'string' && isDomainName(name) && isUpstream(upstream)
          ? [
              {
                name,
                upstream,
                redirectHttp: redirectHttp === true,
                ...(typeof leftMs === 'number' ? { leftMs } : {}),
              },
            ]
          : [],
    );
  } catch {
    return [];
  }
};

/** Empty when there is no list, or none that can be understood. @throws LinkgateError `ERR_STORAGE_UNAVAILABLE` */
export const readServed = async (storage: Storage): Promise<readonly DomainSettings[]> =>
  parseServed((await storage.read(KEY))?.toString('utf8') ?? '').map(settingsOf);

/**
 * Writes these domains, and keeps the removed ones that still matter. Under a lock: two proxies that start at once must not lose each
 * other's domains.
 * @param hasCertificate - of a removed domain, whether its certificate is still served
 * @throws LinkgateError `ERR_STORAGE_*`
 */
export const rememberServed = (
  { storage, clock }: ServedListOptions,
  domains: readonly DomainSettings[],
  hasCertificate: (name: string) => boolean,
): Promise<void> =>
  withLock({ storage, clock, name: LOCK, waitMs: LOCK_WAIT_MS }, async () => {
    const nowMs = clock.now();
    const configured = new Set(domains.map(({ name }) => name));
    const text = (await storage.read(KEY))?.toString('utf8') ?? '';
    const removed = parseServed(text)
      .filter(({ name }) => !configured.has(name))
      .map((one) => ({ ...one, leftMs: one.leftMs ?? nowMs }))
      .filter(({ name, leftMs }) => hasCertificate(name) || nowMs - leftMs < FORGOTTEN_MS);
    const next = `${JSON.stringify({ version: 1, domains: [...domains.map(settingsOf), ...removed] })}\n`;
    if (next !== text) await storage.write(KEY, next);
  });
