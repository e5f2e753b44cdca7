// Names that left the configuration. Their certificates are renewed no more; mail holds their links for years, so they can be
// served on until they expire; then they go to the archive, unless another proxy on the storage still has the name. Nothing is
// deleted: a name that comes back before finds its certificate.

import type { CertificateStatus } from '../../core/certificate-state.ts';
import type { Clock } from '../../core/platform/clock.ts';
import { isDomainName } from '../../core/domain-name.ts';
import { reportStorageFailure, type Emit } from '../../core/events.ts';
import type { DomainSettings, UpstreamId } from '../../core/settings.ts';
import { isUnreadable, type Storage } from '../../core/storage.ts';
import type { CaClock } from '../issuers/ca-clock.ts';
import { createArchiveRemoved, type ArchiveRemoved } from './archive-removed.ts';
import { certificateStatus } from '../renewal/certificate-status.ts';
import { withLock } from '../state/name-lock.ts';
import { unlessInvalid } from '../state/unless-invalid.ts';
import type { CertificateStore, KnownCertificate } from '../state/store.ts';

export interface RemovedDomainsOptions {
  readonly storage: Storage;
  readonly store: CertificateStore;
  /** the CA's time where it is known: nothing is archived by a clock that is wrong */
  readonly clock: Clock & Partial<Pick<CaClock, 'settle'>>;
  readonly emit: Emit;
}

export interface RemovedDomains {
  /**
   * The removed names whose certificate has not expired, as they were configured last; and what is configured now is
   * remembered for the next time. Called again when the configuration changed. Never rejects: a storage that fails is told,
   * and nobody has removed.
   */
  configure(domains: readonly DomainSettings[]): Promise<readonly DomainSettings[]>;
  /**
   * Archives what has expired until `signal` aborts; resolves then.
   * @param onExpired - a name is to be served no more: its certificate has just expired
   */
  keep(signal: AbortSignal, onExpired?: (name: string) => void): Promise<void>;
  /** a note about a name was found (cert/state/changes.ts): it may be the question whether anybody has it. Never rejects. */
  heard(name: string): Promise<void>;
  /** one row a removed name whose certificate has not expired */
  status(): readonly CertificateStatus[];
}

const KEY = 'served.json';
/** without a dot, so never the lock of a name */
const LOCK = 'served';
const LOCK_WAIT_MS = 10_000;
const SWEEP_MS = 3_600_000;
const SHORTEST_NAP_MS = 500;
const STORAGE_PAUSE_MS = 60_000;
/** what is remembered of a name that left without a certificate */
const FORGOTTEN_MS = 30 * 86_400_000;
const UPSTREAMS: readonly string[] = ['us', 'eu', 'custom'] satisfies readonly UpstreamId[];

/** A name of the list, and since when nobody who wrote the list had it. */
interface Served extends DomainSettings {
  readonly leftMs?: number;
}

const parseServed = (text: string): readonly Served[] => {
  try {
    const { version, domains } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    if (version !== 1 || !Array.isArray(domains)) return [];
    return (domains as Readonly<Record<string, unknown>>[]).flatMap(
      ({ name, upstream, redirectHttp, leftMs }) =>
        typeof name === 'string' && isDomainName(name) && UPSTREAMS.includes(String(upstream))
          ? [
              {
                name,
                upstream: upstream as UpstreamId,
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

const settingsOf = ({ name, upstream, redirectHttp }: Served): DomainSettings => ({
  name,
  upstream,
  redirectHttp,
});

export const createRemovedDomains = (options: RemovedDomainsOptions): RemovedDomains => {
  const { storage, store, clock, emit } = options;
  let configured: ReadonlySet<string> = new Set();
  const retired = new Map<string, KnownCertificate>();
  let nap = new AbortController();
  const isConfigured = (name: string): boolean => configured.has(name);
  const removal: ArchiveRemoved = createArchiveRemoved({ storage, store, clock, isConfigured });

  const tell = (error: unknown): void => reportStorageFailure(emit, error);

  /** @returns undefined when there is none, or none that can be read and understood: what nobody serves is let be */
  const find = async (name: string): Promise<KnownCertificate | undefined> => {
    const found = await unlessInvalid(store.read(name)).catch((error: unknown) => {
      if (isUnreadable(error)) return undefined;
      throw error;
    });
    if (found === undefined) return undefined;
    const { keyPem: _key, chainPem: _chain, ...known } = found;
    return known;
  };

  const sweep = async (): Promise<void> => {
    for (const name of await store.list()) {
      if (isConfigured(name)) continue;
      const certificate = await find(name);
      // A reload may have taken it in meanwhile.
      if (certificate === undefined || isConfigured(name)) continue;
      if (certificate.notAfterMs > clock.now()) retired.set(name, certificate);
      else {
        retired.delete(name);
        // A storage that cannot be written is no reason not to serve those that have not expired.
        await removal.ask(certificate).catch(tell);
      }
    }
  };

  const readServed = async (): Promise<readonly Served[]> =>
    parseServed((await storage.read(KEY))?.toString('utf8') ?? '');

  /** Under a lock: two proxies that start at once must not lose each other's names. */
  const remember = (domains: readonly DomainSettings[]): Promise<void> =>
    withLock({ storage, clock, name: LOCK, waitMs: LOCK_WAIT_MS }, async () => {
      const nowMs = clock.now();
      const text = (await storage.read(KEY))?.toString('utf8') ?? '';
      const left = parseServed(text)
        .filter(({ name }) => !isConfigured(name))
        .map((one) => ({ ...one, leftMs: one.leftMs ?? nowMs }))
        .filter(({ name, leftMs }) => retired.has(name) || nowMs - leftMs < FORGOTTEN_MS);
      const served = `${JSON.stringify({ version: 1, domains: [...domains.map(settingsOf), ...left] })}\n`;
      if (served !== text) await storage.write(KEY, served);
    });

  const expire = (onExpired: (name: string) => void): void => {
    for (const { domain, notAfterMs } of [...retired.values()]) {
      if (notAfterMs <= clock.now()) onExpired(domain);
    }
  };

  /** Until the next one expires or may be archived, and an hour at most. */
  const napMs = (): number => {
    const nowMs = clock.now();
    const soonestMs = Math.min(
      removal.nextMs(),
      ...[...retired.values()].map(({ notAfterMs }) => notAfterMs),
    );
    return Math.min(Math.max(soonestMs - nowMs, SHORTEST_NAP_MS), SWEEP_MS);
  };

  return {
    configure: async (domains) => {
      configured = new Set(domains.map(({ name }) => name));
      for (const name of configured) retired.delete(name);
      try {
        await removal.keepConfigured();
        await sweep();
        const gone = (await readServed()).filter(({ name }) => retired.has(name)).map(settingsOf);
        await remember(domains).catch(tell);
        return gone;
      } catch (error) {
        tell(error);
        return [];
      } finally {
        nap.abort();
      }
    },
    keep: async (signal, onExpired = () => undefined) => {
      while (!signal.aborted) {
        nap = new AbortController();
        await clock.sleep(napMs(), AbortSignal.any([signal, nap.signal]));
        if (signal.aborted) return;
        try {
          await clock.settle?.(false, signal);
          expire(onExpired);
          await sweep();
          await removal.finish(signal);
        } catch (error) {
          // What stopping has cut off is no failure.
          if (!signal.aborted) tell(error);
          await clock.sleep(STORAGE_PAUSE_MS, signal);
        }
      }
    },
    heard: (name) => removal.answer(name).catch(tell),
    status: () =>
      [...retired.values()].map((certificate) =>
        certificateStatus({
          domain: certificate.domain,
          certificate,
          state: undefined,
          nowMs: clock.now(),
          isRetired: true,
        }),
      ),
  };
};
