import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import { createResponseClock, type Timed } from '../../../src/serve/request/response-clock.ts';
import { pause } from '../../helpers/pause.ts';
import { holds } from '../../helpers/property.ts';
import { until } from '../../helpers/until.ts';

const timed = (dueMs: number, told: string[], name: string): Timed => ({
  dueMs,
  onDue: () => told.push(name),
  earlier: undefined,
  later: undefined,
});

t.test('a late deadline is reported once, and never before its time', async (t) => {
  const clock = createResponseClock(5);
  const told: string[] = [];
  const startMs = performance.now();
  const [soon, later, never] = [
    timed(startMs + 20, told, 'soon'),
    timed(startMs + 80, told, 'later'),
    timed(Infinity, told, 'never'),
  ];
  for (const one of [later, never, soon]) clock.add(one);
  await until('the first', () => told.length === 1);
  t.ok(performance.now() >= startMs + 20);
  t.equal(soon.dueMs, Infinity, 'it waits for nothing any more');
  await until('the second', () => told.length === 2);
  t.ok(performance.now() >= startMs + 80);
  t.same(told, ['soon', 'later']);
});

t.test(
  'a removed deadline is not reported; the clock stops when it is empty, and starts again',
  async (t) => {
    const clock = createResponseClock(5);
    const told: string[] = [];
    const gone = timed(performance.now(), told, 'gone');
    clock.add(gone);
    clock.remove(gone);
    const after = timed(performance.now() + 40, told, 'after');
    clock.add(after);
    await until('the one that stayed', () => told.length === 1);
    t.same(told, ['after']);
    clock.remove(after);
    // several ticks with nothing to look at
    await pause(50);
    clock.add(timed(performance.now(), told, 'again'));
    await until('the clock runs again', () => told.length === 2);
    t.same(told, ['after', 'again']);
  },
);

t.test('a listener may move its deadline or remove itself', async (t) => {
  const clock = createResponseClock(5);
  const told: number[] = [];
  const twice: Timed = {
    earlier: undefined,
    later: undefined,
    dueMs: performance.now(),
    onDue: () => {
      told.push(told.length);
      if (told.length === 1) twice.dueMs = performance.now() + 10;
      else clock.remove(twice);
    },
  };
  clock.add(twice);
  await until('told twice', () => told.length === 2);
  t.same(told, [0, 1]);
});

t.test('any one may be removed in any order, and the others stay', async (t) => {
  await holds(
    t,
    fc.asyncProperty(fc.shuffledSubarray([0, 1, 2, 3, 4, 5]), async (leaving) => {
      const clock = createResponseClock(1);
      const told: string[] = [];
      const all = Array.from({ length: 6 }, (_, index) => timed(Infinity, told, String(index)));
      for (const one of all) clock.add(one);
      for (const index of leaving) {
        const one = all[index];
        if (one === undefined) continue;
        clock.remove(one);
        clock.remove(one);
      }
      assert.equal(clock.size(), all.length - leaving.length);
      for (const one of all) one.dueMs = 0;
      const stay = [...all.keys()].filter((index) => !leaving.includes(index)).map(String);
      if (stay.length > 0) await until('those that stay', () => told.length >= stay.length);
      assert.deepEqual(told, stay);
    }),
    30,
  );
});
