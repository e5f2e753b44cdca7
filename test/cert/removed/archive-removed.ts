import t from 'tap';
import { createArchiveRemoved } from '../../../src/cert/removed/archive-removed.ts';
import { createCertificateStore } from '../../../src/cert/state/store.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { createPki } from '../../helpers/pki.ts';

const name = 'links.example.com';
const MINUTE = 60_000;
const { signal } = new AbortController();

const setUp = async () => {
  const clock = fakeClock(Date.now());
  const storage = createMemoryStorage();
  const store = createCertificateStore({ storage });
  const validity = { notBeforeMs: clock.now() - 90 * MINUTE, notAfterMs: clock.now() - MINUTE };
  const leaf = createPki().leaf([name], validity);
  const expired = await store.write(name, { ...leaf, source: 'acme', issuer: 'x' });
  const removal = (...has: readonly string[]) =>
    createArchiveRemoved({ storage, store, clock, isConfigured: (one) => has.includes(one) });
  return { clock, storage, store, expired, removal };
};

t.test(
  'the question is asked once, and the certificate archived when no proxy objects in two minutes',
  async (t) => {
    const { clock, storage, store, expired, removal } = await setUp();
    const one = removal();
    t.equal(one.nextMs(), Infinity);
    await one.ask(expired);
    await one.ask(expired);
    t.equal((await storage.list('changes')).length, 1, 'a note, so that others read the question');
    t.equal(one.nextMs(), clock.now() + 2 * MINUTE);
    await clock.advance(2 * MINUTE - 1);
    await one.finish(signal);
    t.ok(await store.read(name));
    await clock.advance(1);
    await one.finish(signal);
    t.equal(await store.read(name), undefined);
    t.same(await store.versions(name), [expired.serial]);
    t.same([await storage.list('departing'), one.nextMs()], [[], Infinity]);
  },
);

t.test('a proxy that has the name removes the question; others leave it', async (t) => {
  const { clock, storage, store, expired, removal } = await setUp();
  const one = removal();
  await one.ask(expired);
  await removal('other.example.com').answer(name);
  await removal('other.example.com').keepConfigured();
  t.equal((await storage.list('departing')).length, 1);
  await removal(name).answer(name);
  t.equal((await storage.list('departing')).length, 0);
  await clock.advance(2 * MINUTE);
  await one.finish(signal);
  t.ok(await store.read(name));
  await one.ask(expired);
  t.same(await storage.list('departing'), [], 'not asked again at once');
  await clock.advance(24 * 60 * MINUTE);
  await one.ask(expired);
  t.equal((await storage.list('departing')).length, 1, 'but after a day');
});

t.test('a certificate of a minute does not wait for two', async (t) => {
  const { clock, removal } = await setUp();
  const one = removal();
  await one.ask({ domain: name, notBeforeMs: clock.now() - MINUTE, notAfterMs: clock.now() });
  t.equal(one.nextMs(), clock.now() + MINUTE / 4);
});
