import t from 'tap';
import { createLineBudget } from '../../../src/observe/logs/line-budget.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';

t.test('so many in a while, and how many were left out', async (t) => {
  const clock = fakeClock();
  const take = createLineBudget({ clock, lines: 2, windowMs: 1_000 });
  t.strictSame([take(), take(), take(), take()], [0, 0, undefined, undefined]);
  await clock.advance(999);
  t.equal(take(), undefined);
  await clock.advance(1);
  t.strictSame([take(), take(), take()], [3, 0, undefined]);
  clock.jump(clock.now() - 5_000);
  t.equal(take(), 1, 'a clock that was set back silences nobody');
});
