// Work under a lock of the storage, with a limit for the wait: orders, imports and everything else that must not be done twice. It
// does not know what the work is.

import type { Clock } from '../../core/platform/clock.ts';
import type { Lock, Storage } from '../../core/storage.ts';
import { withDeadline } from '../../core/platform/deadline.ts';

export interface NameLockOptions {
  readonly storage: Pick<Storage, 'lock'>;
  readonly clock: Clock;
  /** one key segment: a domain name for all that changes its certificate */
  readonly name: string;
  readonly waitMs: number;
  /** ends the wait, not the work */
  readonly signal?: AbortSignal;
}

/**
 * Takes the lock, does the work, and gives the lock back however the work ends.
 * @param work - `lock.signal` aborts when the lock was lost
 * @throws LinkgateError `ERR_STORAGE_LOCKED` when another process holds it for longer; whatever `work` throws
 */
export const withLock = async <T>(
  { storage, clock, name, waitMs, signal }: NameLockOptions,
  work: (lock: Pick<Lock, 'signal'>) => Promise<T>,
): Promise<T> => {
  const late = (): Error => new Error('another process holds it');
  const wait = { clock, limitMs: waitMs, late, ...(signal === undefined ? {} : { signal }) };
  const lock = await withDeadline(wait, (signal) => storage.lock(name, signal));
  try {
    return await work(lock);
  } finally {
    await lock.release();
  }
};
