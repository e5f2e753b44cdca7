import t from 'tap';
import { createTokenBucket } from '../../src/admin/token-bucket.ts';
import { fakeClock } from '../helpers/fake-clock.ts';

t.test('so many at once, then so many a second', async (t) => {
  const clock = fakeClock();
  const bucket = createTokenBucket({ burst: 2, perSecond: 0.5, clock });
  t.strictSame([bucket.take(), bucket.take(), bucket.take()], [true, true, false]);
  t.equal(bucket.isEmpty(), true);
  await clock.advance(1_999);
  t.equal(bucket.take(), false);
  await clock.advance(1);
  t.equal(bucket.isEmpty(), false);
  t.strictSame([bucket.take(), bucket.take()], [true, false]);
  await clock.advance(3_600_000);
  t.strictSame([bucket.take(), bucket.take(), bucket.take()], [true, true, false], 'never above the burst');
});

t.test('a clock that is set back fills nothing', async (t) => {
  const clock = fakeClock();
  const bucket = createTokenBucket({ burst: 1, perSecond: 1, clock });
  t.equal(bucket.take(), true);
  clock.jump(clock.now() - 3_600_000);
  t.equal(bucket.take(), false);
  await clock.advance(1_000);
  t.equal(bucket.take(), true);
});
