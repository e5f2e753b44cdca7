// A stored certificate that cannot be served counts as none: code that replaces or removes it goes on as if it were absent.

import { LinkgateError } from '../../core/errors.ts';

/** What `reading` gives; undefined when it ends with `ERR_CERT_INVALID`. Every other error stays. */
export const unlessInvalid = async <T>(reading: Promise<T>): Promise<T | undefined> => {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof LinkgateError && error.code === 'ERR_CERT_INVALID') return undefined;
    throw error;
  }
};
