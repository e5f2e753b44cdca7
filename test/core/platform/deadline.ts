import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { systemClock } from '../../../src/core/platform/clock.ts';
import { startDeadline } from '../../../src/core/platform/deadline.ts';
import { pause } from '../../helpers/pause.ts';
import { until } from '../../helpers/until.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';

const late = (): Error => new Error('late');

t.test('it aborts when the time is up, and not before', async (t) => {
  const clock = fakeClock();
  const deadline = startDeadline(clock, 1000, new AbortController().signal, late);
  await clock.advance(999);
  t.equal(deadline.signal.aborted, false);
  await clock.advance(1);
  t.match(deadline.signal.reason, { message: 'late' });
});

t.test('it aborts with the caller, whenever that was', async (t) => {
  const clock = fakeClock();
  const caller = new AbortController();
  const deadline = startDeadline(clock, 1000, caller.signal, late);
  caller.abort(new Error('stopping'));
  t.match(deadline.signal.reason, { message: 'stopping' });
  t.match(startDeadline(clock, 1000, caller.signal, late).signal.reason, { message: 'stopping' });
});

t.test('once cleared it holds no timer and never aborts', async (t) => {
  const clock = fakeClock();
  const caller = new AbortController();
  const deadline = startDeadline(clock, 1000, caller.signal, late);
  deadline.clear();
  t.same(clock.sleepers(), []);
  caller.abort();
  await clock.advance(2000);
  t.equal(deadline.signal.aborted, false);
});

t.test('a limit that nobody holds is no garbage', async (t) => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const { signal } = new AbortController();
  let late = 0;
  for (let one = 0; one < 100; one += 1) {
    const deadline = startDeadline(systemClock, 200, signal, () => new Error('late'));
    deadline.signal.addEventListener('abort', () => (late += 1));
  }
  await pause(50);
  collect();
  await until('each of them came', () => late === 100);
  t.equal(late, 100);
});
