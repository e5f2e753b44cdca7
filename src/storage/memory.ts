// The storage contract in the memory of this process, for tests. Values do not outlive the process and no other process sees them:
// it must not be used where workers and the supervisor share a storage.

import { LinkgateError } from '../core/errors.ts';
import type { Lock, Storage } from '../core/storage.ts';
import { keySegments, lockSegment } from './keys.ts';

/** An empty storage. Its locks are never lost. */
export const createMemoryStorage = (): Storage => {
  const values = new Map<string, Buffer>();
  /** for each held lock those who wait for it, in the order they came */
  const waiters = new Map<string, (() => void)[]>();

  const release = (name: string): void => {
    const next = waiters.get(name)?.shift();
    if (next === undefined) waiters.delete(name);
    else next();
  };

  const lock = async (name: string, signal: AbortSignal): Promise<Lock> => {
    const queue = waiters.get(lockSegment(name));
    if (!signal.aborted && queue === undefined) {
      waiters.set(name, []);
    } else {
      await new Promise<void>((resolve, reject) => {
        const giveUp = (): void => {
          queue?.splice(queue.indexOf(take), 1);
          reject(
            new LinkgateError('ERR_STORAGE_LOCKED', `lock "${name}" was not free in time`, {
              cause: signal.reason,
            }),
          );
        };
        const take = (): void => {
          signal.removeEventListener('abort', giveUp);
          resolve();
        };
        queue?.push(take);
        if (signal.aborted) giveUp();
        else signal.addEventListener('abort', giveUp, { once: true });
      });
    }
    let isHeld = true;
    return {
      signal: new AbortController().signal,
      release: async () => {
        if (isHeld) release(name);
        isHeld = false;
      },
    };
  };

  return {
    read: async (key) => {
      const value = values.get(keySegments(key).join('/'));
      return value === undefined ? undefined : Buffer.from(value);
    },
    write: async (key, value) => {
      values.set(keySegments(key).join('/'), Buffer.from(value));
    },
    remove: async (key) => {
      values.delete(keySegments(key).join('/'));
    },
    list: async (prefix) => {
      const below = `${keySegments(prefix).join('/')}/`;
      return [...values.keys()].filter((key) => key.startsWith(below)).toSorted();
    },
    lock,
  };
};
