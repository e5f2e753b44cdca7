// Codes of the file system → errors of the storage: the whole storage failed, or one file while the rest works.

import { LinkgateError } from '../core/errors.ts';

export const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** A file of another user, a link, a pipe, a file far too large: each says nothing about the file next to it. */
const OF_ONE_FILE: readonly (string | undefined)[] = ['EACCES', 'EPERM', 'ELOOP', 'EMLINK', 'ENXIO', 'EFBIG'];

export const isOfOneFile = (error: unknown): boolean => OF_ONE_FILE.includes(codeOf(error));

/** `ERR_STORAGE_UNAVAILABLE` for the storage in `root`; a LinkgateError stays as it is. */
export const unavailable = (root: string, verb: string, error: unknown): LinkgateError => {
  if (error instanceof LinkgateError) return error;
  const code = codeOf(error);
  return new LinkgateError(
    'ERR_STORAGE_UNAVAILABLE',
    `storage "${root}" cannot be ${verb}: ${code ?? String(error)}`,
    { cause: error, details: { path: root, ...(code === undefined ? {} : { code }) } },
  );
};

/** `ERR_STORAGE_UNREADABLE` for one file or folder of it. */
export const unreadable = (path: string, why: string, cause?: unknown): LinkgateError =>
  new LinkgateError('ERR_STORAGE_UNREADABLE', `storage file "${path}" ${why}`, { cause, details: { path } });

/** then all are forgotten, and may be reported again */
const MOST_TOLD = 1_000;

export interface Faults {
  /** reports the error once, until `isWell` is called for the path */
  tell(path: string, error: LinkgateError): void;
  isWell(path: string): void;
}

export const createFaults = (onFault: (error: LinkgateError) => void): Faults => {
  const told = new Set<string>();
  return {
    tell: (path, error) => {
      if (told.has(path)) return;
      if (told.size >= MOST_TOLD) told.clear();
      told.add(path);
      onFault(error);
    },
    isWell: (path) => void told.delete(path),
  };
};
