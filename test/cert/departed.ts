import t from 'tap';
import { createDeparted } from '../../src/cert/departed.ts';
import { createCertificateStore } from '../../src/cert/store.ts';
import type { DomainSettings } from '../../src/core/settings.ts';
import { createMemoryStorage } from '../../src/storage/memory.ts';
import { fakeClock } from '../helpers/fake-clock.ts';
import { createPki } from '../helpers/pki.ts';
import { recorder } from '../helpers/recorder.ts';

const HOUR = 3_600_000;
const a: DomainSettings = { name: 'a.example.com', upstream: 'us', redirectHttp: false };
const b: DomainSettings = { name: 'b.example.com', upstream: 'eu', redirectHttp: true };
const pki = createPki();

const setUp = async () => {
  const clock = fakeClock(Date.now());
  const storage = createMemoryStorage();
  const store = createCertificateStore({ storage });
  const { emit, of } = recorder();
  for (const { name } of [a, b]) {
    await store.write(name, { ...pki.leaf([name]), source: 'acme', issuer: 'test-ca' });
  }
  /** a process that starts with these names */
  const departed = (...domains: readonly DomainSettings[]) => {
    const made = createDeparted({ storage, store, clock, emit });
    return { ...made, start: () => made.configure(domains) };
  };
  return { clock, storage, store, departed, of };
};

t.test('a name that left is served as it was, until it expires, then archived', async (t) => {
  const { clock, store, departed } = await setUp();
  t.same(await departed(a, b).start(), []);
  const later = departed(a);
  t.same(await later.start(), [b], 'with its own tracker');
  t.same(await departed(a).start(), [b], 'after the next restart too');
  t.match(later.status(), [{ domain: b.name, state: 'retired', nextAttempt: null }]);
  const stopping = new AbortController();
  const done = later.keep(stopping.signal);
  await clock.advance(HOUR);
  t.same(await store.list(), [a.name, b.name], 'not before');
  await clock.advance(25 * HOUR);
  t.same(await store.list(), [a.name], 'a configured one stays, expired or not');
  t.equal((await store.versions(b.name)).length, 1, 'archived, not deleted');
  t.same(later.status(), []);
  t.same(await departed(a).start(), []);
  stopping.abort();
  await done;
});

t.test('a reload takes names out and in again', async (t) => {
  const { departed } = await setUp();
  const running = departed(a, b);
  await running.start();
  t.same(await running.configure([a]), [b]);
  t.match(running.status(), [{ domain: b.name, state: 'retired' }]);
  t.same(await running.configure([a, b]), []);
  t.same(running.status(), []);
});

t.test('a name that comes back finds its certificate', async (t) => {
  const { store, departed } = await setUp();
  await departed(a, b).start();
  await departed(a).start();
  t.same(await departed(a, b).start(), []);
  t.match(await store.read(b.name), { domain: b.name });
});

t.test('whose tracker is not known is not served, and a storage that fails is told', async (t) => {
  const { storage, departed, of } = await setUp();
  t.same(await departed(a).start(), [], 'never configured here');
  await storage.write('served.json', '{torn');
  t.same(await departed(a).start(), []);
  storage.list = () => Promise.reject(new Error('EIO'));
  t.same(await departed(a).start(), []);
  t.match(of('storage.failed'), [{ code: 'ERR_STORAGE_UNAVAILABLE' }]);
});
