import fc from 'fast-check';
import t from 'tap';
import { Schedule } from '../../../../src/cert/renewal/queue/schedule.ts';
import { holds } from '../../../helpers/property.ts';

interface Item {
  readonly name: number;
  queuedMs: number;
}
const create = () =>
  new Schedule<Item>({
    get: ({ queuedMs }) => queuedMs,
    set: (item, atMs) => {
      item.queuedMs = atMs;
    },
  });

t.test('each item comes up once, in the order of time, never later than it was put in for', async (t) => {
  const step = fc.record({ item: fc.nat(9), atMs: fc.nat(100), takeMs: fc.option(fc.nat(100)) });
  await holds(
    t,
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const schedule = create();
      const items = Array.from({ length: 10 }, (_, name): Item => ({ name, queuedMs: Infinity }));
      const model = new Map<Item, number>();
      for (const { item, atMs, takeMs } of steps) {
        const one = items[item] as Item;
        schedule.put(one, atMs);
        model.set(one, Math.min(model.get(one) ?? Infinity, atMs));
        if (takeMs === null) continue;
        const due = [...model].filter(([, ms]) => ms <= takeMs).toSorted((a, b) => a[1] - b[1]);
        const taken = schedule.take(takeMs);
        if (taken.length !== due.length) return false;
        if (taken.some((each, index) => model.get(each) !== due[index]?.[1])) return false;
        for (const each of taken) model.delete(each);
        if (new Set(taken).size !== taken.length) return false;
      }
      return schedule.nextMs() <= Math.min(...model.values());
    }),
    500,
  );
});

t.test('never is never, and clear forgets', async (t) => {
  const schedule = create();
  const item: Item = { name: 1, queuedMs: Infinity };
  schedule.put(item, Infinity);
  t.equal(schedule.nextMs(), Infinity);
  schedule.put(item, 5);
  schedule.clear();
  t.same([schedule.nextMs(), schedule.take(10)], [Infinity, []]);
  schedule.put(item, 7);
  t.same(schedule.take(6), []);
  t.same(schedule.take(7), [item]);
});
