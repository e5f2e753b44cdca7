// The form of a storage key, checked before an implementation uses the key: a key from outside can never name a file
// outside the storage. It must not know folders or files.

import { LinkgateError } from '../core/errors.ts';
import type { StorageKey } from '../core/storage.ts';

const SEGMENT = /^[A-Za-z0-9._-]{1,253}$/;
const MOST_SEGMENTS = 8;

/** Whether `text` may be one segment of a key. */
export const isSegment = (text: string): boolean => SEGMENT.test(text) && text !== '.' && text !== '..';

/** Whether `text` is a key; it may be any text. */
export const isStorageKey = (text: string): boolean => {
  const segments = text.split('/');
  return segments.length <= MOST_SEGMENTS && segments.every(isSegment);
};

/**
 * The segments of a key.
 * @throws LinkgateError `ERR_INTERNAL` when the key breaks the rules of {@link StorageKey}
 */
export const keySegments = (key: StorageKey): readonly string[] => {
  if (!isStorageKey(key)) {
    throw new LinkgateError(
      'ERR_INTERNAL',
      `storage key ${JSON.stringify(key.slice(0, 300))} is not allowed`,
    );
  }
  return key.split('/');
};

/** @throws LinkgateError `ERR_INTERNAL` when `name` is not one key segment */
export const lockSegment = (name: string): string => {
  if (isSegment(name)) return name;
  throw new LinkgateError('ERR_INTERNAL', `lock name ${JSON.stringify(name.slice(0, 300))} is not allowed`);
};
