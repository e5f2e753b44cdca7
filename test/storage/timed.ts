import t from 'tap';
import { LinkgateError } from '../../src/core/errors.ts';
import type { Storage } from '../../src/core/storage.ts';
import { createMemoryStorage } from '../../src/storage/memory.ts';
import { withTimes } from '../../src/storage/timed.ts';
import { recorder } from '../helpers/recorder.ts';
import { storageContract } from '../helpers/storage-contract.ts';

await storageContract(t, () => withTimes(createMemoryStorage(), () => undefined));

const { signal } = new AbortController();

t.test('each call ends in an event under its own name', async (t) => {
  const { emit, of } = recorder();
  const storage = withTimes(createMemoryStorage(), emit);
  await storage.write('a', 'b');
  await storage.read('a');
  await storage.list('a');
  await storage.remove('a');
  await (await storage.lock('x', signal)).release();
  const all = of('storage.completed');
  t.same(
    all.map(({ operation, failed }) => [operation, failed]),
    ['write', 'read', 'list', 'remove', 'lock'].map((operation) => [operation, false]),
  );
  t.ok(all.every(({ durationMs }) => durationMs >= 0));
});

t.test('a failure is told and passed on as it is; a lock that is taken is none', async (t) => {
  const { emit, of } = recorder();
  const storage = withTimes(createMemoryStorage(), emit);
  const held = await storage.lock('x', signal);
  await t.rejects(storage.lock('x', AbortSignal.abort()), { code: 'ERR_STORAGE_LOCKED' });
  await held.release();
  const error = new LinkgateError('ERR_STORAGE_UNAVAILABLE', 'storage is gone');
  const broken = withTimes({ read: () => Promise.reject(error) } as unknown as Storage, emit);
  t.equal(await broken.read('a').catch((caught: unknown) => caught), error);
  t.same(
    of('storage.completed').map(({ failed }) => failed),
    [false, false, true],
  );
  const one = new LinkgateError('ERR_STORAGE_UNREADABLE', 'file of root');
  const unreadable = withTimes({ read: () => Promise.reject(one) } as unknown as Storage, emit);
  t.equal(await unreadable.read('a').catch((caught: unknown) => caught), one);
  t.equal(of('storage.completed').at(-1)?.failed, true);
});
