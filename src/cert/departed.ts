// Names that left the configuration. Their certificates are renewed no more; mail holds their links for years, so they can be
// served on until they expire; then they go to the archive. Nothing is deleted: a name that comes back finds its certificate.

import type { CertificateStatus } from '../core/certificate-state.ts';
import type { Clock } from '../core/clock.ts';
import { isDomainName } from '../core/domain-name.ts';
import { GateError, toGateError } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import type { DomainSettings, UpstreamId } from '../core/settings.ts';
import type { Storage } from '../core/storage.ts';
import { certificateStatus } from './domain.ts';
import type { CertificateStore, StoredCertificate } from './store.ts';

export interface DepartedOptions {
  readonly storage: Storage;
  readonly store: CertificateStore;
  readonly clock: Clock;
  readonly emit: Emit;
}

export interface Departed {
  /**
   * The departed names whose certificate has not expired, as they were configured last; and what is configured now is
   * remembered for the next time. Called again when the configuration changed. Never rejects: a storage that fails is told,
   * and nobody has departed.
   */
  configure(domains: readonly DomainSettings[]): Promise<readonly DomainSettings[]>;
  /** archives what has expired, every hour until `signal` aborts; resolves then */
  keep(signal: AbortSignal): Promise<void>;
  /** one row a departed name whose certificate has not expired */
  status(): readonly CertificateStatus[];
}

const KEY = 'served.json';
const SWEEP_MS = 3_600_000;
const UPSTREAMS: readonly string[] = ['us', 'eu', 'custom'] satisfies readonly UpstreamId[];

const parseServed = (text: string): readonly DomainSettings[] => {
  try {
    const { version, domains } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    if (version !== 1 || !Array.isArray(domains)) return [];
    return (domains as Readonly<Record<string, unknown>>[]).flatMap(({ name, upstream, redirectHttp }) =>
      typeof name === 'string' && isDomainName(name) && UPSTREAMS.includes(String(upstream))
        ? [{ name, upstream: upstream as UpstreamId, redirectHttp: redirectHttp === true }]
        : [],
    );
  } catch {
    return [];
  }
};

export const createDeparted = ({ storage, store, clock, emit }: DepartedOptions): Departed => {
  let configured: ReadonlySet<string> = new Set();
  const retired = new Map<string, StoredCertificate>();

  const tell = (error: unknown): void => {
    const { code, message } = toGateError(error, 'ERR_STORAGE_UNAVAILABLE');
    emit('storage.failed', { code, message });
  };

  const sweep = async (): Promise<void> => {
    for (const name of await store.list()) {
      if (configured.has(name)) continue;
      try {
        const certificate = await store.read(name);
        if (certificate !== undefined && certificate.notAfterMs > clock.now()) {
          retired.set(name, certificate);
          continue;
        }
      } catch (error) {
        if (!(error instanceof GateError) || error.code !== 'ERR_CERT_INVALID') throw error;
      }
      retired.delete(name);
      await store.archive(name);
    }
  };

  return {
    configure: async (domains) => {
      configured = new Set(domains.map(({ name }) => name));
      for (const name of configured) retired.delete(name);
      try {
        await sweep();
        const before = parseServed((await storage.read(KEY))?.toString('utf8') ?? '');
        const gone = before.filter(({ name }) => retired.has(name));
        const served = [...domains, ...gone].map(({ name, upstream, redirectHttp }) => ({
          name,
          upstream,
          redirectHttp,
        }));
        await storage.write(KEY, `${JSON.stringify({ version: 1, domains: served })}\n`);
        return gone;
      } catch (error) {
        tell(error);
        return [];
      }
    },
    keep: async (signal) => {
      while (!signal.aborted) {
        await clock.sleep(SWEEP_MS, signal);
        if (!signal.aborted) await sweep().catch(tell);
      }
    },
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
