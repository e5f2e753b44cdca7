import t from 'tap';
import { createEntry, type Entry } from '../../../src/cert/renewal/queue/entry.ts';
import { StorageCheck } from '../../../src/cert/renewal/storage-check.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';

const HOUR = 3_600_000;
const withCertificate = (name: string): Entry => ({
  ...createEntry(name),
  isKnown: true,
  certificate: {
    domain: name,
    source: 'acme',
    issuer: 'ca',
    serial: '1',
    fingerprint: name,
    notBeforeMs: 0,
    notAfterMs: 1,
  },
});

const setUp = (invalid: readonly string[] = []) => {
  const clock = fakeClock();
  const stop = new AbortController();
  const entries = ['a', 'b', 'c'].map(withCertificate);
  const storage: { names: readonly string[]; isDown: boolean } = { names: ['a', 'b', 'c'], isDown: false };
  const gone: string[] = [];
  const found: string[] = [];
  const check = new StorageCheck({
    store: { list: async () => (storage.isDown ? Promise.reject(new Error('EIO')) : storage.names) },
    records: { inspect: async ({ name }) => invalid.includes(name) },
    clock,
    signal: stop.signal,
    entries: () => [...entries, createEntry('none')],
    isIdle: ({ isRunning }) => !isRunning,
    onGone: (name) => void gone.push(name),
    onInvalid: ({ name }) => void found.push(name),
  });
  return { clock, stop, entries, storage, gone, found, check };
};

t.test('once an hour, a certificate that the storage has no more is reported', async (t) => {
  const { clock, storage, gone, check } = setUp();
  storage.names = ['a', 'c'];
  check.startAudit();
  await check.settled();
  t.same(gone, [], 'the start reads everything');
  clock.jump(clock.now() + HOUR);
  storage.isDown = true;
  check.startAudit();
  await check.settled();
  t.same(gone, [], 'a storage that cannot be listed tells nothing');
  storage.isDown = false;
  clock.jump(clock.now() + HOUR);
  check.startAudit();
  await check.settled();
  check.startAudit();
  await check.settled();
  t.same(gone, ['b']);
});

t.test('certificates that were glanced at are inspected one by one, until the end', async (t) => {
  const { clock, entries, found, check, stop } = setUp(['a', 'b', 'c']);
  const [a, b, c] = entries as [Entry, Entry, Entry];
  for (const entry of [a, b, c]) check.add(entry);
  check.remove(b);
  check.startInspection();
  check.startInspection();
  await clock.advance(0);
  t.same(found, ['a']);
  await clock.advance(100);
  t.same(found, ['a', 'c']);
  b.isRunning = true;
  check.add(b);
  check.startInspection();
  await clock.advance(100);
  t.same(found, ['a', 'c'], 'an order is under way');
  check.add(a);
  stop.abort();
  check.startInspection();
  await check.settled();
  t.same(found, ['a', 'c']);
});
