// Whether an error is about the storage: such a failure is nobody's fault, costs no CA anything, and is tried again soon.

import type { LinkgateError } from '../../core/errors.ts';

export const isStorageFailure = ({ code }: Pick<LinkgateError, 'code'>): boolean =>
  code.startsWith('ERR_STORAGE_');
