import t from 'tap';
import { withLock } from '../../../src/cert/state/name-lock.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';

const name = 'links.example.com';

t.test('one at a time, and the lock is given back whatever happens', async (t) => {
  const options = { storage: createMemoryStorage(), clock: fakeClock(), name, waitMs: 1_000 };
  const order: string[] = [];
  const first = withLock(options, async ({ signal }) => {
    t.notOk(signal.aborted);
    await new Promise((resolve) => setImmediate(resolve));
    order.push('first');
    throw new Error('failed');
  });
  const second = withLock(options, async () => void order.push('second'));
  await t.rejects(first, { message: 'failed' });
  await second;
  t.same(order, ['first', 'second']);
});

t.test('it is waited for within limits', async (t) => {
  const clock = fakeClock();
  const storage = createMemoryStorage();
  await storage.lock(name, new AbortController().signal);
  const stop = new AbortController();
  const work = async (): Promise<void> => void t.fail('worked without the lock');
  const late = withLock({ storage, clock, name, waitMs: 1_000 }, work);
  const told = withLock({ storage, clock, name, waitMs: 1_000, signal: stop.signal }, work);
  stop.abort(new Error('enough'));
  await t.rejects(told, { code: 'ERR_STORAGE_LOCKED' });
  const failed = t.rejects(late, { code: 'ERR_STORAGE_LOCKED' });
  await clock.advance(1_000);
  await failed;
});
