// A storage some of whose values cannot be read, as a file of another user cannot.

import { LinkgateError } from '../../src/core/errors.ts';
import type { Storage } from '../../src/core/storage.ts';

/** The same storage; a read of a key that `isUnreadable` names fails, until the key is written. */
export const withUnreadable = (storage: Storage, isUnreadable: (key: string) => boolean): Storage => {
  const written = new Set<string>();
  return {
    ...storage,
    read: async (key) => {
      if (isUnreadable(key) && !written.has(key)) {
        throw new LinkgateError('ERR_STORAGE_UNREADABLE', `storage file "${key}" cannot be read: EACCES`);
      }
      return storage.read(key);
    },
    write: async (key, value) => {
      await storage.write(key, value);
      written.add(key);
    },
  };
};
