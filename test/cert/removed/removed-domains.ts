import t, { type Test } from 'tap';
import { RemovedDomains } from '../../../src/cert/removed/removed-domains.ts';
import { createCertificateStore } from '../../../src/cert/state/store.ts';
import type { DomainSettings } from '../../../src/core/settings.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { createPki } from '../../helpers/pki.ts';
import { recorder } from '../../helpers/recorder.ts';
import { withUnreadable } from '../../helpers/unreadable.ts';

const HOUR = 3_600_000;
const a: DomainSettings = { name: 'a.example.com', upstream: 'us', redirectHttp: false };
const b: DomainSettings = { name: 'b.example.com', upstream: 'eu', redirectHttp: true };
const pki = createPki();

const setUp = async (t: Test) => {
  // ahead of the certificates, whose times are whole seconds of now: a day later they have expired
  const clock = fakeClock(Date.now() + 2_000);
  const storage = createMemoryStorage();
  const store = createCertificateStore({ storage });
  const { emit, of } = recorder();
  for (const { name } of [a, b]) {
    await store.write(name, { ...pki.leaf([name]), source: 'acme', issuer: 'test-ca' });
  }
  /** a process that starts with these names */
  const removed = (...domains: readonly DomainSettings[]) => {
    const made = new RemovedDomains({ storage, store, clock, emit });
    return Object.assign(made, { start: () => made.configure(domains) });
  };
  // notes are heard at once here; how they are found is cert/state/changes.ts's
  const hearing = new Set<RemovedDomains>();
  const { write } = storage;
  storage.write = async (key, value) => {
    await write(key, value);
    if (key.startsWith('changes/')) for (const one of hearing) void one.heard(String(value));
  };
  /** one that runs: it sweeps, and hears the notes of others, until the test ends or it is stopped */
  const running = async (...domains: readonly DomainSettings[]) => {
    const made = removed(...domains);
    const gone = await made.start();
    const stopping = new AbortController();
    const expired: string[] = [];
    const done = made.keep(stopping.signal, (name) => void expired.push(name));
    hearing.add(made);
    const stop = async (): Promise<void> => {
      hearing.delete(made);
      stopping.abort();
      await done;
    };
    t.teardown(stop);
    return Object.assign(made, { gone, expired, stop });
  };
  return { clock, storage, store, removed, running, of, emit };
};

t.test('a removed domain is served as it was until its certificate expires, then archived', async (t) => {
  const { clock, store, removed, running, of } = await setUp(t);
  t.same(await removed(a, b).start(), []);
  const later = removed(a);
  t.same(await later.start(), [b], 'with its own tracker');
  t.same(await removed(a).start(), [b], 'after the next restart too');
  t.match(later.status(), [{ domain: b.name, state: 'retired', nextAttempt: null }]);
  const kept = await running(a);
  await clock.advance(HOUR);
  t.same(await store.list(), [a.name, b.name], 'not before');
  t.same(kept.expired, []);
  await clock.advance(23 * HOUR);
  t.same(kept.expired, [b.name], 'told once, when it expires');
  await clock.advance(HOUR);
  t.same(await store.list(), [a.name], 'a configured one stays, expired or not');
  t.equal((await store.versions(b.name)).length, 1, 'archived, not deleted');
  t.same(kept.status(), []);
  t.same(await removed(a).start(), []);
  t.same([kept.expired, of('storage.failed')], [[b.name], []]);
});

t.test('a name that another proxy on the storage has is not archived', async (t) => {
  const { clock, store, storage, running } = await setUp(t);
  const [one, two] = [await running(a), await running(b)];
  t.match(one.status(), [{ domain: b.name, state: 'retired' }]);
  await clock.advance(30 * HOUR);
  t.same(await store.list(), [a.name, b.name], 'expired, and still configured by one of them');
  t.same(await storage.list('departing'), [], 'each has objected');
  await two.stop();
  await clock.advance(30 * HOUR);
  t.same(await store.list(), [a.name], 'asked again a day later, nobody has it any more');
  t.equal((await store.versions(b.name)).length, 1);
});

t.test('a proxy that starts in the meantime objects too', async (t) => {
  const { clock, store, storage, running } = await setUp(t);
  await running(a);
  while ((await storage.list('departing')).length === 0) await clock.advance(HOUR / 60);
  await running(b);
  await clock.advance(HOUR);
  t.same(await store.list(), [a.name, b.name]);
});

t.test('a certificate that is stored in the meantime is not archived with the old one', async (t) => {
  const { clock, store, storage, running } = await setUp(t);
  await running(a);
  while ((await storage.list('departing')).length === 0) await clock.advance(HOUR / 60);
  // as a proxy orders that has it configured, and whose objection is late
  const lock = await storage.lock(b.name, new AbortController().signal);
  await clock.advance(2.5 * 60_000);
  const validity = { notBeforeMs: clock.now(), notAfterMs: clock.now() + 90 * 24 * HOUR };
  const fresh = await store.write(b.name, {
    ...pki.leaf([b.name], validity),
    source: 'acme',
    issuer: 'x',
  });
  await lock.release();
  await clock.advance(HOUR);
  t.equal((await store.read(b.name))?.serial, fresh.serial);
});

t.test('a clock that is a year ahead archives nothing', async (t) => {
  const { clock, storage, store, emit } = await setUp(t);
  const time = { offset: 365 * 24 * HOUR, settled: 0 };
  const ahead = {
    ...clock,
    now: () => clock.now() + time.offset,
    settle: async (mustKnow: boolean): Promise<void> => {
      if (!mustKnow) return;
      time.settled += 1;
      time.offset = 0;
    },
  };
  const removed = new RemovedDomains({ storage, store, clock: ahead, emit });
  t.same(await removed.configure([a]), []);
  const stopping = new AbortController();
  const done = removed.keep(stopping.signal);
  await clock.advance(HOUR);
  t.equal(time.settled, 1, 'the CA is asked before anything is archived');
  t.same(await store.list(), [a.name, b.name]);
  stopping.abort();
  await done;
});

t.test(
  'a domain that is removed while the proxy runs ends when it expires, not at the next sweep',
  async (t) => {
    const { clock, running, store } = await setUp(t);
    const one = await running(a, b);
    await clock.advance(0.9 * HOUR);
    const validity = { notBeforeMs: clock.now(), notAfterMs: clock.now() + 0.2 * HOUR };
    await store.write(b.name, { ...pki.leaf([b.name], validity), source: 'acme', issuer: 'x' });
    t.same(await one.configure([a]), [b]);
    await clock.advance(0.19 * HOUR);
    t.same(one.expired, []);
    await clock.advance(0.02 * HOUR);
    t.same(one.expired, [b.name]);
    await clock.advance(0.1 * HOUR);
    t.same(await store.list(), [a.name]);
  },
);

t.test('two proxies that start at once do not lose each other’s names', async (t) => {
  const { removed, running } = await setUp(t);
  const [one, two] = [removed(a), removed(b)];
  await Promise.all([one.start(), two.start()]);
  const sorted = (all: readonly DomainSettings[]) => all.toSorted((x, y) => (x.name < y.name ? -1 : 1));
  t.same(sorted(await one.configure([])), [a, b]);
  t.same(sorted((await running()).gone), [a, b]);
});

t.test('with a storage that cannot be written, domains that have not expired are served', async (t) => {
  const { clock, storage, store, removed } = await setUp(t);
  await removed(a, b).start();
  const ended = { notBeforeMs: clock.now() - 2 * HOUR, notAfterMs: clock.now() - HOUR };
  await store.write(a.name, { ...pki.leaf([a.name], ended), source: 'acme', issuer: 'x' });
  storage.write = () => Promise.reject(new Error('EROFS'));
  t.same(await removed().start(), [b]);
});

t.test('a value that cannot be understood stays unchanged', async (t) => {
  const { clock, storage, running } = await setUp(t);
  await storage.write(`certificates/${b.name}.pem`, 'torn');
  await running(a);
  await clock.advance(50 * HOUR);
  t.equal(String(await storage.read(`certificates/${b.name}.pem`)), 'torn');
});

t.test('a reload takes names out and in again', async (t) => {
  const { removed } = await setUp(t);
  const running = removed(a, b);
  await running.start();
  t.same(await running.configure([a]), [b]);
  t.match(running.status(), [{ domain: b.name, state: 'retired' }]);
  t.same(await running.configure([a, b]), []);
  t.same(running.status(), []);
});

t.test('a name that comes back finds its certificate', async (t) => {
  const { store, removed } = await setUp(t);
  await removed(a, b).start();
  await removed(a).start();
  t.same(await removed(a, b).start(), []);
  t.match(await store.read(b.name), { domain: b.name });
});

t.test(
  'a domain whose tracker is not known is not served, and a storage that fails is reported',
  async (t) => {
    const { storage, removed, of } = await setUp(t);
    t.same(await removed(a).start(), [], 'never configured here');
    await storage.write('served.json', '{torn');
    t.same(await removed(a).start(), []);
    storage.list = () => Promise.reject(new Error('EIO'));
    t.same(await removed(a).start(), []);
    t.match(of('storage.failed'), [{ code: 'ERR_STORAGE_UNAVAILABLE' }]);
  },
);

t.test('one name that cannot be read costs no other its service', async (t) => {
  const { storage, clock, removed, emit } = await setUp(t);
  const c: DomainSettings = { name: 'c.example.com', upstream: 'us', redirectHttp: false };
  const store = createCertificateStore({ storage });
  await store.write(c.name, { ...pki.leaf([c.name]), source: 'acme', issuer: 'test-ca' });
  await removed(a, b, c).start();
  await storage.write('departing/x.txt', 'x.example.com');
  const unreadable = withUnreadable(storage, (key) => /^certificates\/a|^departing/.test(key));
  const made = new RemovedDomains({
    storage: unreadable,
    store: createCertificateStore({ storage: unreadable }),
    clock,
    emit,
  });
  t.same(await made.configure([c]), [b]);
});
