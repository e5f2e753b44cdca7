import t from 'tap';
import { readServed, rememberServed } from '../../../src/cert/removed/served-list.ts';
import type { DomainSettings } from '../../../src/core/settings.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';

const DAY = 86_400_000;
const a: DomainSettings = { name: 'a.example.com', upstream: 'us', redirectHttp: false };
const b: DomainSettings = { name: 'b.example.com', upstream: 'eu', redirectHttp: true };
const never = (): boolean => false;

t.test('a removed domain stays with its settings as long as it matters', async (t) => {
  const [storage, clock] = [createMemoryStorage(), fakeClock()];
  t.same(await readServed(storage), []);
  await rememberServed({ storage, clock }, [a, b], never);
  t.same(await readServed(storage), [a, b]);
  await rememberServed({ storage, clock }, [a], never);
  t.same(await readServed(storage), [a, b], 'removed just now');
  clock.jump(clock.now() + 31 * DAY);
  await rememberServed({ storage, clock }, [a], (name) => name === b.name);
  t.same(await readServed(storage), [a, b], 'its certificate is still served');
  await rememberServed({ storage, clock }, [a], never);
  t.same(await readServed(storage), [a], 'forgotten after a month');
});

t.test('two proxies that write at once lose no domain', async (t) => {
  const [storage, clock] = [createMemoryStorage(), fakeClock()];
  await Promise.all([a, b].map((domain) => rememberServed({ storage, clock }, [domain], never)));
  t.same(new Set((await readServed(storage)).map(({ name }) => name)), new Set([a.name, b.name]));
});

t.test('what cannot be understood is left out', async (t) => {
  const storage = createMemoryStorage();
  const odd = [null, 5, { name: 'no name', upstream: 'us' }, { name: 'x.example.com', upstream: 'mars' }];
  for (const [text, expected] of [
    ['torn', []],
    [JSON.stringify({ version: 2, domains: [a] }), []],
    [JSON.stringify({ version: 1, domains: [...odd.slice(2), a] }), [a]],
    [JSON.stringify({ version: 1, domains: odd }), []],
  ] as const) {
    await storage.write('served.json', text);
    t.same(await readServed(storage), expected, text);
  }
});
