import t from 'tap';
import { createCaClock } from '../../../src/cert/issuers/ca-clock.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';

const forever = new AbortController().signal;
const MINUTE = 60_000;
const YEAR = 365 * 86_400_000;

/** A machine whose wall clock can be wrong, and a CA whose clock is right. */
const setUp = (ca: 'answers' | 'down' | 'none' = 'answers') => {
  const clock = fakeClock();
  const world = { now: clock.now(), elapsed: 0, asked: 0, ca };
  const askTime = async (): Promise<number | undefined> => {
    world.asked += 1;
    if (world.ca === 'down') throw new Error('no route');
    return Math.floor(world.now / 1_000) * 1_000;
  };
  const time = createCaClock({
    clock,
    elapsedMs: () => world.elapsed,
    ...(ca === 'none' ? {} : { askTime }),
  });
  const pass = (ms: number): void => {
    world.now += ms;
    world.elapsed += ms;
    clock.jump(clock.now() + ms);
  };
  return { clock, world, time, pass };
};

t.test('a clock without jumps is believed, and the CA is asked once, before an order', async (t) => {
  const { clock, world, time, pass } = setUp();
  pass(10 * MINUTE);
  await time.settle(false, forever);
  t.equal(world.asked, 0, 'a restart needs no CA');
  await time.settle(true, forever);
  pass(23 * 60 * MINUTE);
  await time.settle(true, forever);
  t.equal(world.asked, 1);
  t.equal(time.now(), clock.now());
  pass(60 * MINUTE);
  await time.settle(false, forever);
  t.equal(world.asked, 2, 'and once a day');
});

for (const jumpMs of [60 * MINUTE, -60 * MINUTE, YEAR, -YEAR]) {
  t.test(`a jump of ${jumpMs / MINUTE} minutes is noticed and the CA tells the time`, async (t) => {
    const { clock, world, time, pass } = setUp();
    await time.settle(true, forever);
    clock.jump(clock.now() + jumpMs);
    await time.settle(false, forever);
    t.ok(Math.abs(time.now() - world.now) <= 1_000);
    pass(5 * MINUTE);
    t.ok(Math.abs(time.now() - world.now) <= 1_000);
    clock.jump(world.now);
    await time.settle(false, forever);
    t.ok(Math.abs(time.now() - world.now) <= 1_000, 'and when it is set right again');
    t.equal(world.asked, 3);
  });
}

t.test('a clock that was wrong from the start is noticed before the first order', async (t) => {
  const { clock, world, time } = setUp();
  clock.jump(clock.now() - YEAR);
  const late = createCaClock({ clock, elapsedMs: () => 0, askTime: async () => world.now });
  t.not(late.now(), world.now);
  await late.settle(true, forever);
  t.equal(late.now(), world.now);
  t.equal(time.now() > 0, true);
});

t.test('a clock that is behind from the start is noticed, although nothing seems due', async (t) => {
  const { clock, world, pass } = setUp();
  clock.jump(clock.now() - YEAR);
  const time = createCaClock({
    clock,
    elapsedMs: () => world.elapsed,
    askTime: async () => {
      world.asked += 1;
      return world.ca === 'down' ? undefined : world.now;
    },
  });
  const passes = async (ms: number): Promise<number> => {
    pass(ms);
    await time.settle(false, forever);
    return world.asked;
  };
  world.ca = 'down';
  t.equal(await passes(59 * MINUTE), 0);
  t.equal(await passes(MINUTE), 1);
  t.equal(await passes(59 * MINUTE), 1, 'a CA that does not answer is asked again an hour later');
  world.ca = 'answers';
  t.equal(await passes(MINUTE), 2);
  t.equal(time.now(), world.now);
});

t.test('without a response of the CA, time never goes back behind known certificates', async (t) => {
  const { clock, world, time, pass } = setUp('down');
  time.learn(world.now);
  pass(30 * MINUTE);
  clock.jump(clock.now() - YEAR);
  await time.settle(true, forever);
  t.equal(world.now - time.now(), 5 * MINUTE, 'five minutes of tolerance');
  await time.settle(true, forever);
  t.equal(world.asked, 1, 'a CA that does not answer is left alone for a minute');
  pass(MINUTE);
  world.ca = 'answers';
  await time.settle(true, forever);
  t.ok(Math.abs(time.now() - world.now) <= 1_000);
});

t.test('without a CA to ask, the clock is used', async (t) => {
  const { clock, time } = setUp('none');
  clock.jump(clock.now() + YEAR);
  await time.settle(true, forever);
  t.equal(time.now(), clock.now());
});
