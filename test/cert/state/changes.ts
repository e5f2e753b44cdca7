import t, { type Test } from 'tap';
import { announceChange, watchChanges } from '../../../src/cert/state/changes.ts';
import { LinkgateError } from '../../../src/core/errors.ts';
import type { Storage } from '../../../src/core/storage.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { recorder } from '../../helpers/recorder.ts';
import { withUnreadable } from '../../helpers/unreadable.ts';

const MINUTE = 60_000;

const watching = (t: Test, storage: Storage, clock = fakeClock()) => {
  const told: string[] = [];
  const { emit, of } = recorder();
  const stopping = new AbortController();
  const done = watchChanges(
    {
      storage,
      clock,
      emit,
      onChange: (name) => {
        told.push(name);
        throw new Error('nobody minds');
      },
    },
    stopping.signal,
  );
  t.teardown(async () => {
    stopping.abort();
    await done;
  });
  return { clock, told, of };
};

t.test('every process that watches finds a note once, within a second', async (t) => {
  const storage = createMemoryStorage();
  const clock = fakeClock();
  await announceChange(storage, clock, 'old.example.com');
  const one = watching(t, storage, clock);
  const two = watching(t, storage, clock);
  await clock.advance(0);
  await announceChange(storage, clock, 'a.example.com');
  await clock.advance(1_000);
  await announceChange(storage, clock, 'a.example.com');
  await announceChange(storage, clock, 'b.example.com');
  await clock.advance(5_000);
  t.same(
    one.told.toSorted(),
    ['a.example.com', 'a.example.com', 'b.example.com'],
    'not what was there before',
  );
  t.same(two.told.toSorted(), one.told.toSorted());
});

t.test('notes are cleared away, also those of a machine whose clock is wrong', async (t) => {
  const storage = createMemoryStorage();
  const { clock, told } = watching(t, storage);
  await clock.advance(0);
  await announceChange(storage, fakeClock(Date.UTC(1999, 0, 1)), 'a.example.com');
  await clock.advance(2_000);
  await clock.advance(9 * MINUTE);
  t.equal((await storage.list('changes')).length, 1);
  await clock.advance(2 * MINUTE);
  t.same(await storage.list('changes'), []);
  t.same(told, ['a.example.com']);
});

t.test('a note that names nothing is dropped, and a storage that fails is reported once', async (t) => {
  const storage = createMemoryStorage();
  let isDown = false;
  const flaky: Storage = {
    ...storage,
    list: (prefix) => (isDown ? Promise.reject(new Error('EIO')) : storage.list(prefix)),
  };
  const { clock, told, of } = watching(t, flaky);
  await clock.advance(0);
  await storage.write('changes/1-x', '../../etc/passwd');
  await clock.advance(1_000);
  isDown = true;
  await clock.advance(10_000);
  t.match(of('storage.failed'), [{ code: 'ERR_STORAGE_UNAVAILABLE' }]);
  isDown = false;
  await announceChange(storage, clock, 'a.example.com');
  await clock.advance(1_000);
  t.same(told, ['a.example.com']);
});

t.test('a note that cannot be read or removed delays no other one', async (t) => {
  const memory = createMemoryStorage();
  const storage: Storage = {
    ...withUnreadable(memory, (key) => key.startsWith('changes/0-')),
    remove: (key) =>
      key.startsWith('changes/0-')
        ? Promise.reject(new LinkgateError('ERR_STORAGE_UNAVAILABLE', 'no'))
        : memory.remove(key),
  };
  const { clock, told, of } = watching(t, storage);
  await clock.advance(0);
  await memory.write('changes/0-of-root', 'a.example.com');
  await announceChange(storage, clock, 'b.example.com');
  await clock.advance(2_000);
  t.same(told, ['b.example.com']);
  await clock.advance(11 * MINUTE);
  await announceChange(storage, clock, 'c.example.com');
  await clock.advance(2_000);
  t.same(told, ['b.example.com', 'c.example.com'], 'each once');
  t.same(of('storage.failed'), [{ code: 'ERR_STORAGE_UNAVAILABLE', message: 'no' }]);
});
