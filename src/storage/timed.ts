// Wraps a storage and emits the duration of each call, for the metrics. It changes nothing of the storage, and knows no metric.

import { toLinkgateError } from '../core/errors.ts';
import type { Emit, Events } from '../core/events.ts';
import type { Storage } from '../core/storage.ts';

type Operation = Events['storage.completed']['operation'];

/** The same storage; every call ends in an event. A lock that another process holds is no failure. */
export const withTimes = (storage: Storage, emit: Emit): Storage => {
  const timed = async <T>(operation: Operation, call: () => Promise<T>): Promise<T> => {
    const startedMs = performance.now();
    let failed = false;
    try {
      return await call();
    } catch (error) {
      const { code } = toLinkgateError(error);
      failed = code === 'ERR_STORAGE_UNAVAILABLE' || code === 'ERR_STORAGE_UNREADABLE';
      throw error;
    } finally {
      emit('storage.completed', { operation, durationMs: performance.now() - startedMs, failed });
    }
  };
  return {
    read: (key) => timed('read', () => storage.read(key)),
    write: (key, value) => timed('write', () => storage.write(key, value)),
    remove: (key) => timed('remove', () => storage.remove(key)),
    list: (prefix) => timed('list', () => storage.list(prefix)),
    lock: (name, signal) => timed('lock', () => storage.lock(name, signal)),
  };
};
