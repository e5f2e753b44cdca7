// The contract of the storage: what supervisor, workers and other machines share (certificates, accounts, challenge
// answers, locks). Implementations stand in src/storage/, each proved by test/helpers/storage-contract.ts.

import { LinkgateError } from './errors.ts';

/**
 * A key is one to eight segments joined by `/`. A segment is 1–253 characters of `a–z A–Z 0–9 . _ -` and is
 * neither `.` nor `..`. Anything else is a bug and throws LinkgateError `ERR_INTERNAL`.
 */
export type StorageKey = string;

/** A held lock. */
export interface Lock {
  /** aborts when the lock was lost (its lease could not be renewed in time): stop what it protects */
  readonly signal: AbortSignal;
  /** gives it back; safe to call twice, never rejects */
  release(): Promise<void>;
}

/**
 * Failure modes, the same for every implementation:
 * - whatever cannot be read, written or listed: LinkgateError `ERR_STORAGE_UNAVAILABLE` with its cause.
 * - one value that cannot be read while the storage works: LinkgateError `ERR_STORAGE_UNREADABLE`, naming it. It says nothing
 *   about the others, and a `write` replaces it.
 * - absence is `undefined` or an empty list, never an error.
 * - a `write` is atomic and durable: after it resolves the value survives a crash; a reader sees the old value
 *   or the new one, whole; a crash in between leaves the old value.
 */
export interface Storage {
  read(key: StorageKey): Promise<Buffer | undefined>;
  write(key: StorageKey, value: Buffer | string): Promise<void>;
  /** removes the value; quiet when there is none */
  remove(key: StorageKey): Promise<void>;
  /** every key below `prefix` (whole segments), sorted; temporary and lock files are never listed */
  list(prefix: StorageKey): Promise<readonly StorageKey[]>;
  /**
   * Takes the lock `name` (one key segment), waiting for it until `signal` aborts.
   * At most one holder across all processes and machines on this storage. A holder that died frees it: at once
   * when it was on this machine, else when its lease ran out.
   * @throws LinkgateError `ERR_STORAGE_LOCKED` when `signal` aborted first, `ERR_STORAGE_UNAVAILABLE`
   */
  lock(name: string, signal: AbortSignal): Promise<Lock>;
}

/** Whether the error is about one value alone: the storage works. */
export const isUnreadable = (error: unknown): boolean =>
  error instanceof LinkgateError && error.code === 'ERR_STORAGE_UNREADABLE';

/**
 * The value, or undefined where it cannot be read although the storage works: for what can be done without, or is made again.
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
