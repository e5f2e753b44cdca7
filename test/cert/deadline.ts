import t from 'tap';
import { startDeadline } from '../../src/cert/deadline.ts';
import { fakeClock } from '../helpers/fake-clock.ts';

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
