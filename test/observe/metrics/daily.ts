import t from 'tap';
import { createDaily, type Counts } from '../../../src/observe/metrics/daily.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';

const NOON = Date.UTC(2026, 10, 23, 12);
const HOUR = 3_600_000;

t.test('counts since the start become counts of days', async (t) => {
  const clock = fakeClock(NOON);
  let now: Counts = new Map();
  let isBroken = false;
  const daily = createDaily({
    read: async () => {
      if (isBroken) throw new Error('no answer');
      return now;
    },
    clock,
  });
  const stop = new AbortController();
  const kept = daily.keep(stop.signal);
  now = new Map([['a.example', { click: 5, open: 1 }]]);
  t.strictSame((await daily.days()).get('a.example'), [{ date: '2026-11-23', kinds: { click: 5, open: 1 } }]);

  isBroken = true;
  await clock.advance(12 * HOUR + 1_000);
  isBroken = false;
  await clock.advance(60_000);
  now = new Map([
    ['a.example', { click: 7, open: 1 }],
    ['b.example', { view: 1 }],
  ]);
  const days = await daily.days();
  t.strictSame(days.get('a.example'), [
    { date: '2026-11-24', kinds: { click: 2 } },
    { date: '2026-11-23', kinds: { click: 5, open: 1 } },
  ]);
  t.strictSame(days.get('b.example')?.[1], { date: '2026-11-23', kinds: {} });

  for (let day = 0; day < 9; day += 1) await clock.advance(24 * HOUR);
  const later = (await daily.days()).get('a.example') ?? [];
  t.equal(later.length, 8, 'seven days before today, no more');
  t.match(later[0], { date: '2026-12-03', kinds: {} });
  t.strictSame(later.at(-1), { date: '2026-11-26', kinds: {} });
  stop.abort();
  await kept;
});

t.test('a clock that is set over midnight is noticed when somebody looks', async (t) => {
  const clock = fakeClock(NOON);
  const daily = createDaily({ read: async () => new Map([['a.example', { click: 3 }]]), clock });
  clock.jump(NOON + 24 * HOUR);
  t.match((await daily.days()).get('a.example'), [
    { date: '2026-11-24', kinds: {} },
    { kinds: { click: 3 } },
  ]);
});
