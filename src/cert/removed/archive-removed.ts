// How the expired certificate of a removed domain goes to the archive: not before every other proxy on the storage was asked whether it
// has the domain, because configurations may differ. The question is a key with a note (cert/state/changes.ts); a proxy that has the
// domain removes the key. Which domains are removed is decided in removed-domains.ts.

import type { Clock } from '../../core/platform/clock.ts';
import { isDomainName } from '../../core/domain-name.ts';
import { readWhereReadable, type Storage } from '../../core/storage.ts';
import type { CaClock } from '../issuers/ca-clock.ts';
import { announceChange } from '../state/changes.ts';
import { nameKey } from '../state/name-key.ts';
import { withLock } from '../state/name-lock.ts';
import type { CertificateStore, KnownCertificate } from '../state/store.ts';

export interface ArchiveRemovedOptions {
  readonly storage: Storage;
  readonly store: Pick<CertificateStore, 'read' | 'archive'>;
  readonly clock: Clock & Partial<Pick<CaClock, 'settle'>>;
  /** whether this proxy has the name */
  readonly isConfigured: (name: string) => boolean;
}

/** All throw LinkgateError `ERR_STORAGE_*`. */
export interface ArchiveRemoved {
  /** asks the other proxies about the name, unless they were asked already */
  ask(certificate: Pick<KnownCertificate, 'domain' | 'notBeforeMs' | 'notAfterMs'>): Promise<void>;
  /** objects when this proxy has the name that another one asks about */
  answer(name: string): Promise<void>;
  /** objects to the questions about configured names from while this proxy was not running */
  keepConfigured(): Promise<void>;
  /** archives the certificates to which no proxy has objected in time */
  finish(signal: AbortSignal): Promise<void>;
  /** when there is something to finish; `Infinity` for never */
  nextMs(): number;
}

const FOLDER = 'departing';
const ENDING = '.txt';
const LOCK_WAIT_MS = 10_000;
/** longer than a network file system may hide a new file from a listing */
const OBJECTION_MS = 2 * 60_000;
/** another proxy has the name: it is asked again after a day */
const ASK_AGAIN_MS = 86_400_000;

export const createArchiveRemoved = ({
  storage,
  store,
  clock,
  isConfigured,
}: ArchiveRemovedOptions): ArchiveRemoved => {
  /** when each name may be archived, or be asked about again */
  const asked = new Map<string, { readonly readyMs: number; readonly isKept: boolean }>();
  const keyOf = (name: string): string => `${FOLDER}/${nameKey(name, ENDING)}`;

  const object = async (key: string): Promise<void> => {
    const name = String((await readWhereReadable(storage, key)) ?? '');
    if (isDomainName(name) && isConfigured(name)) await storage.remove(key);
  };

  const finishOne = async (name: string, signal: AbortSignal): Promise<void> => {
    asked.delete(name);
    if (isConfigured(name)) return storage.remove(keyOf(name));
    if ((await storage.read(keyOf(name))) === undefined) {
      asked.set(name, { readyMs: clock.now() + ASK_AGAIN_MS, isKept: true });
      return;
    }
    // A process that orders for the name holds its lock: what it has stored meanwhile is not touched.
    await withLock({ storage, clock, name, waitMs: LOCK_WAIT_MS, signal }, async () => {
      const certificate = await store.read(name);
      const isStale = certificate !== undefined && certificate.notAfterMs <= clock.now();
      if (isStale && !isConfigured(name)) await store.archive(name);
    });
    await storage.remove(keyOf(name));
  };

  return {
    ask: async ({ domain, notBeforeMs, notAfterMs }) => {
      const before = asked.get(domain);
      const nowMs = clock.now();
      if (before !== undefined && !(before.isKept && before.readyMs <= nowMs)) return;
      await storage.write(keyOf(domain), domain);
      await announceChange(storage, clock, domain);
      const waitMs = Math.min(OBJECTION_MS, (notAfterMs - notBeforeMs) / 4);
      asked.set(domain, { readyMs: nowMs + waitMs, isKept: false });
    },
    answer: async (name) => {
      if (isConfigured(name)) await object(keyOf(name));
    },
    keepConfigured: async () => {
      for (const key of await storage.list(FOLDER)) await object(key);
    },
    finish: async (signal) => {
      const ready = [...asked].filter(([, { readyMs, isKept }]) => !isKept && readyMs <= clock.now());
      if (ready.length === 0) return;
      await clock.settle?.(true, signal);
      for (const [name] of ready) await finishOne(name, signal);
    },
    nextMs: () =>
      Math.min(...[...asked.values()].flatMap(({ readyMs, isKept }) => (isKept ? [] : [readyMs]))),
  };
};
