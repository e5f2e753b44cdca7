// A clock of this machine that jumps, under the real loop with the real state, lock and store: the loop plans again, places no order more
// than without the jump, and no certificate ends while the CA works. Ends count by the world's time, which only the CA has.

import t, { type Test } from 'tap';
import { createCaClock } from '../../../../src/cert/issuers/ca-clock.ts';
import { createIssue } from '../../../../src/cert/renewal/issue.ts';
import type { Issuer } from '../../../../src/cert/issuers/issuer.ts';
import { Renewal } from '../../../../src/cert/renewal/renewal-loop.ts';
import { createNameStates } from '../../../../src/cert/state/name-state.ts';
import { createCertificateStore } from '../../../../src/cert/state/store.ts';
import { createMemoryStorage } from '../../../../src/storage/memory.ts';
import { fakeClock } from '../../../helpers/fake-clock.ts';
import { createPki } from '../../../helpers/pki.ts';
import { recorder } from '../../../helpers/recorder.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;
const LIFETIME_MS = DAY;
const names = ['a.example.com', 'b.example.com'];
const pki = createPki();

const setUp = (t: Test, tellsTime: boolean) => {
  const world = fakeClock(Date.UTC(2026, 0, 1));
  const startMs = world.now();
  const machine = { offsetMs: 0 };
  const clock = createCaClock({
    clock: { now: () => world.now() + machine.offsetMs, sleep: world.sleep },
    elapsedMs: () => world.now() - startMs,
    ...(tellsTime ? { askTime: async () => world.now() } : {}),
  });
  const storage = createMemoryStorage();
  const store = createCertificateStore({ storage });
  const { emit, of } = recorder();
  const orders: { readonly name: string; readonly atMs: number }[] = [];
  const ca: Issuer = {
    source: 'acme',
    issuer: 'test-ca',
    directory: 'https://ca.example/directory',
    obtain: async (name) => {
      orders.push({ name, atMs: world.now() });
      // a second exact, as certificates are
      const notBeforeMs = Math.floor(world.now() / 1_000) * 1_000;
      return pki.leaf([name], { notBeforeMs, notAfterMs: notBeforeMs + LIFETIME_MS });
    },
  };
  /** as after a restart: nothing is known but what the storage has */
  const start = (): Renewal => {
    const renewal = new Renewal({
      names,
      store,
      states: createNameStates({ storage, store, clock }),
      issue: createIssue({ storage, store, issuers: [ca], clock, emit }),
      clock,
      random: Math.random,
      emit,
      onStored: () => undefined,
    });
    t.teardown(() => renewal.stop());
    renewal.start();
    return renewal;
  };
  /** time goes by, and no certificate may end meanwhile */
  const pass = async (ms: number): Promise<number> => {
    let leastMs = Infinity;
    for (let passed = 0; passed < ms; passed += 20 * MINUTE) {
      await world.advance(20 * MINUTE);
      for (const name of names) {
        leastMs = Math.min(leastMs, ((await store.read(name))?.notAfterMs ?? 0) - world.now());
      }
    }
    return leastMs;
  };
  return { machine, orders, start, pass, of, world };
};

for (const jumpMs of [HOUR, -HOUR, YEAR, -YEAR]) {
  for (const tellsTime of [true, false]) {
    const size = Math.abs(jumpMs) === YEAR ? 'a year' : 'an hour';
    const what = `${jumpMs > 0 ? 'ahead' : 'back'} ${size}, the CA ${tellsTime ? 'tells' : 'never tells'} the time`;
    t.test(`a clock that jumps ${what}`, async (t) => {
      const { machine, orders, start, pass, of, world } = setUp(t, tellsTime);
      const renewal = start();
      t.ok((await pass(DAY)) > 0, 'before');
      machine.offsetMs = jumpMs;
      const jumpedMs = world.now();
      const atJump = orders.length;
      t.ok((await pass(HOUR)) > 0);
      // by a clock that cannot be known to be wrong, what is there has expired: once, and no more
      t.ok(orders.length - atJump <= names.length, `${orders.length - atJump} orders in the hour after`);
      t.ok((await pass(1.5 * DAY)) > 0, 'while it is wrong');
      machine.offsetMs = 0;
      t.ok((await pass(1.5 * DAY)) > 0, 'after it was set right');
      for (const name of names) {
        const own = orders.filter((order) => order.name === name).map(({ atMs }) => atMs);
        const most = own.map(
          (fromMs) => own.filter((ms) => ms >= fromMs && ms < fromMs + LIFETIME_MS).length,
        );
        t.ok(Math.max(...most) <= (tellsTime ? 2 : 3), `${name}: ${Math.max(...most)} orders in a lifetime`);
        t.ok(own.filter((ms) => ms > jumpedMs).length >= 3, 'it went on');
      }
      t.same(of('certificate.failed'), []);
      const stopping = renewal.stop();
      await world.advance(10_000);
      await stopping;
    });
  }
}

t.test('a machine that starts a year behind finds out, although nothing seems due', async (t) => {
  const { machine, orders, start, pass, world } = setUp(t, true);
  const first = start();
  await pass(HOUR);
  const stopping = first.stop();
  await world.advance(10_000);
  await stopping;
  machine.offsetMs = -YEAR;
  start();
  t.ok((await pass(3 * DAY)) > 0);
  t.ok(orders.length >= 2 * names.length + 4);
});
