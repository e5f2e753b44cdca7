import t from 'tap';
import { createMemoryStorage } from '../../src/storage/memory.ts';
import { storageContract } from '../helpers/storage-contract.ts';

await storageContract(t, () => createMemoryStorage());

t.test('a second release of an old lock does not free the lock of the next holder', async (t) => {
  const storage = createMemoryStorage();
  const signal = new AbortController().signal;
  const first = await storage.lock('x', signal);
  const second = storage.lock('x', signal);
  await first.release();
  const held = await second;
  await first.release();
  const patience = new AbortController();
  const third = storage.lock('x', patience.signal);
  patience.abort();
  await t.rejects(third, { code: 'ERR_STORAGE_LOCKED' });
  await held.release();
});
