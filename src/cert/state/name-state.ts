// The one owner of what is known of a name: its certificate, and how the attempts for it went. Everybody may read. Every change is
// made under the lock of the name, after certificate and state were read there once more. It does not decide what is written.

import type { Clock } from '../../core/platform/clock.ts';
import { readWhereReadable, type Storage } from '../../core/storage.ts';
import type { KeyAndChain } from '../certificate/certificate.ts';
import type { Origin } from './certificate-text.ts';
import { formatState, parseState, type IssuanceState } from './issuance-state.ts';
import { nameKey, nameOfKey } from './name-key.ts';
import { withLock } from './name-lock.ts';
import type { CertificateStore, StoredCertificate } from './store.ts';
import { unlessInvalid } from './unless-invalid.ts';

/** A name under its lock. */
export interface HeldName {
  /** as it was read under the lock */
  readonly state: IssuanceState | undefined;
  /** aborts when the lock was lost: another process may work on the name now */
  readonly lost: AbortSignal;
  /** undefined also for one that cannot be served. @throws LinkgateError `ERR_STORAGE_UNREADABLE`, `ERR_STORAGE_UNAVAILABLE` */
  readCertificate(): Promise<StoredCertificate | undefined>;
  /** @throws LinkgateError `ERR_CERT_INVALID`, `ERR_STORAGE_UNAVAILABLE`; the old one is then still there */
  storeCertificate(certificate: KeyAndChain & Origin): Promise<StoredCertificate>;
  /** @throws LinkgateError `ERR_STORAGE_UNAVAILABLE` */
  storeState(state: IssuanceState): Promise<void>;
}

/** How long to wait for the lock of a name. */
export interface LockWait {
  /** a minute when absent: longer than the lease of a lock, so the lock of a machine that died is free by then */
  readonly waitMs?: number;
  /** ends the wait, not the work */
  readonly signal?: AbortSignal;
}

export interface NameStates {
  /** undefined when nothing was tried, or when the state cannot be read or understood: the next one replaces it */
  read(name: string): Promise<IssuanceState | undefined>;
  /** the names with a state, except the longest ones, whose keys do not tell them */
  list(): Promise<ReadonlySet<string>>;
  /**
   * Takes the lock of the name, reads its state, does the work, gives the lock back.
   * @throws LinkgateError `ERR_STORAGE_LOCKED` when another process holds the lock for longer; whatever `work` throws
   */
  hold<T>(name: string, wait: LockWait, work: (held: HeldName) => Promise<T>): Promise<T>;
  /**
   * Changes the state under the lock.
   * @param change - gets the state as it is stored then; undefined leaves it as it is
   * @returns the state that is stored now
   * @throws LinkgateError `ERR_STORAGE_LOCKED`, `ERR_STORAGE_UNAVAILABLE`
   */
  update(
    name: string,
    wait: LockWait,
    change: (stored: IssuanceState | undefined) => IssuanceState | undefined,
  ): Promise<IssuanceState | undefined>;
}

export interface NameStatesOptions {
  readonly storage: Storage;
  readonly store: Pick<CertificateStore, 'read' | 'write'>;
  readonly clock: Clock;
}

const LOCK_WAIT_MS = 60_000;
const FOLDER = 'state';
const JSON_ENDING = '.json';
const keyOf = (name: string): string => `${FOLDER}/${nameKey(name, JSON_ENDING)}`;

export const createNameStates = ({ storage, store, clock }: NameStatesOptions): NameStates => {
  const read = async (name: string): Promise<IssuanceState | undefined> =>
    parseState(String((await readWhereReadable(storage, keyOf(name))) ?? ''));

  /** The only writer of `state/NAME.json`. Both of its callers below hold the lock of the name. */
  const writeState = (name: string, state: IssuanceState): Promise<void> =>
    storage.write(keyOf(name), formatState(state));

  return {
    read,

    list: async () =>
      new Set(
        (await storage.list(FOLDER)).flatMap(
          (key) => nameOfKey(key.slice(FOLDER.length + 1), JSON_ENDING) ?? [],
        ),
      ),

    hold: (name, wait, work) =>
      withLock({ storage, clock, name, waitMs: LOCK_WAIT_MS, ...wait }, async ({ signal: lost }) =>
        work({
          state: await read(name),
          lost,
          readCertificate: () => unlessInvalid(store.read(name)),
          storeCertificate: (given) => store.write(name, given),
          storeState: (given) => writeState(name, given),
        }),
      ),

    update: (name, wait, change) =>
      withLock({ storage, clock, name, waitMs: LOCK_WAIT_MS, ...wait }, async () => {
        const stored = await read(name);
        const changed = change(stored);
        if (changed !== undefined) await writeState(name, changed);
        return changed ?? stored;
      }),
  };
};
