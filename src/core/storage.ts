// The contract of the storage, which the supervisor, the workers and other machines share: certificates, accounts, challenge
// answers, locks. The implementations are in src/storage/; test/helpers/storage-contract.ts tests each of them.

import { LinkgateError } from './errors.ts';

/**
 * A key is one to eight segments joined by `/`. A segment is 1–253 characters of `a–z A–Z 0–9 . _ -` and is
 * neither `.` nor `..`. Anything else is a bug and throws LinkgateError `ERR_INTERNAL`.
 */
export type StorageKey = string;

/** A held lock. */
export interface Lock {
  /** aborts when the lock is lost (its lease could not be renewed in time): stop the work that it protects */
  readonly signal: AbortSignal;
  /** releases the lock; may be called twice, never rejects */
  release(): Promise<void>;
}

/**
 * Failure modes, the same for every implementation:
 * - what cannot be read, written or listed: LinkgateError `ERR_STORAGE_UNAVAILABLE` with its cause.
 * - one value that cannot be read while the storage works: LinkgateError `ERR_STORAGE_UNREADABLE`, which names it. It says nothing
 *   about the other values, and a `write` replaces it.
 * - absence is `undefined` or an empty list, never an error.
 * - a `write` is atomic and durable: after it resolves the value survives a crash; a reader sees the old value
 *   or the new one, complete; a crash in between leaves the old value.
 */
export interface Storage {
  read(key: StorageKey): Promise<Buffer | undefined>;
  write(key: StorageKey, value: Buffer | string): Promise<void>;
  /** removes the value; no error when there is none */
  remove(key: StorageKey): Promise<void>;
  /** every key below `prefix` (whole segments), sorted; without temporary files and lock files */
  list(prefix: StorageKey): Promise<readonly StorageKey[]>;
  /**
   * Takes the lock `name` (one key segment), waiting for it until `signal` aborts.
   * One holder at most, across all processes and machines on this storage. The lock of a holder that died is free: at once when it
   * ran on this machine, else when its lease has expired.
   * @throws LinkgateError `ERR_STORAGE_LOCKED` when `signal` aborted first, `ERR_STORAGE_UNAVAILABLE`
   */
  lock(name: string, signal: AbortSignal): Promise<Lock>;
}

/** Whether the error is about one value only, while the storage works. */
export const isUnreadable = (error: unknown): boolean =>
  error instanceof LinkgateError && error.code === 'ERR_STORAGE_UNREADABLE';

/**
 * The value, or undefined when only this value cannot be read: for values that are not necessary, or can be made again.
 * @throws LinkgateError `ERR_STORAGE_UNAVAILABLE`
 */
export const readWhereReadable = async (
  storage: Pick<Storage, 'read'>,
  key: StorageKey,
): Promise<Buffer | undefined> => {
  try {
    return await storage.read(key);
  } catch (error) {
    if (isUnreadable(error)) return undefined;
    throw error;
  }
};
