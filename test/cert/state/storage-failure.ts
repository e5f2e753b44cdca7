import t from 'tap';
import { isStorageFailure } from '../../../src/cert/state/storage-failure.ts';

t.test('errors of the storage, and no others', async (t) => {
  t.ok(isStorageFailure({ code: 'ERR_STORAGE_LOCKED' }));
  t.ok(isStorageFailure({ code: 'ERR_STORAGE_UNAVAILABLE' }));
  t.notOk(isStorageFailure({ code: 'ERR_ACME_UNREACHABLE' }));
});
