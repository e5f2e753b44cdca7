import { getEventListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { systemClock } from '../../../src/core/platform/clock.ts';
import { withDeadline, withTimeout } from '../../../src/core/platform/deadline.ts';
import { pause } from '../../helpers/pause.ts';
import { until } from '../../helpers/until.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';

const late = (): Error => new Error('late');

/** Work that only its signal ends. */
const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    const end = (): void => reject(signal.reason as Error);
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
  });

t.test('the signal of the work aborts when the time is up, and not before', async (t) => {
  const clock = fakeClock();
  let work: AbortSignal | undefined;
  const ending = withDeadline({ clock, limitMs: 1000, late }, (signal) => {
    work = signal;
    return untilAborted(signal);
  });
  const rejected = t.rejects(ending, { message: 'late' });
  await clock.advance(999);
  t.equal(work?.aborted, false);
  await clock.advance(1);
  t.match(work?.reason, { message: 'late' });
  await rejected;
});

t.test(
  'the signal of the work aborts with the signal of the caller, before the work or during it',
  async (t) => {
    const clock = fakeClock();
    const caller = new AbortController();
    const limit = { clock, limitMs: 1000, signal: caller.signal, late };
    const during = t.rejects(withDeadline(limit, untilAborted), { message: 'stopping' });
    caller.abort(new Error('stopping'));
    await during;
    await t.rejects(withDeadline(limit, untilAborted), { message: 'stopping' });
  },
);

t.test('when the work is done there is no timer, and its signal never aborts', async (t) => {
  const clock = fakeClock();
  const caller = new AbortController();
  const limit = { clock, limitMs: 1000, signal: caller.signal, late };
  const signal = await withDeadline(limit, async (signal) => signal);
  t.same(clock.sleepers(), []);
  caller.abort();
  await clock.advance(2000);
  t.equal(signal.aborted, false);
  const failing = withDeadline(limit, () => Promise.reject(new Error('broken')));
  await t.rejects(failing, { message: 'broken' });
  t.same(clock.sleepers(), [], 'after a failure there is none either');
});

t.test('a limit that nobody holds is not collected as garbage', async (t) => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const { signal } = new AbortController();
  let ended = 0;
  for (let one = 0; one < 100; one += 1) {
    withDeadline({ clock: systemClock, limitMs: 200, signal, late }, untilAborted).catch(() => (ended += 1));
  }
  await pause(50);
  collect();
  await until('all of them ended', () => ended === 100);
  t.equal(ended, 100);
});

t.test(
  'many calls on one signal: no warning of a leak, each aborts with it, and no listener is left',
  async (t) => {
    const clock = fakeClock();
    const caller = new AbortController();
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    t.teardown(() => process.off('warning', onWarning));
    const limit = { clock, limitMs: 1000, signal: caller.signal, late };
    const calls = (): Promise<PromiseSettledResult<never>[]> =>
      Promise.allSettled(Array.from({ length: 30 }, () => withDeadline(limit, untilAborted)));
    const timedOut = calls();
    await clock.advance(1000);
    t.equal((await timedOut).filter(({ status }) => status === 'rejected').length, 30);
    t.equal(getEventListeners(caller.signal, 'abort').length, 0);
    const aborted = calls();
    t.equal(getEventListeners(caller.signal, 'abort').length, 1);
    caller.abort(new Error('stopping'));
    for (const one of await aborted) t.match(one, { status: 'rejected', reason: { message: 'stopping' } });
    t.equal(getEventListeners(caller.signal, 'abort').length, 0);
    // Node emits a warning in the next turn
    await pause(10);
    t.strictSame(warnings, []);
  },
);

t.test('withTimeout gives what the work gives, and leaves no timer', async (t) => {
  const clock = fakeClock();
  const limit = { clock, limitMs: 1000, late: () => 'late' };
  t.equal(await withTimeout(Promise.resolve('done'), limit), 'done');
  await t.rejects(withTimeout(Promise.reject(new Error('broken')), limit), { message: 'broken' });
  t.same(clock.sleepers(), []);
});

t.test(
  'withTimeout gives or throws what `late` does, once the time is up or its signal aborts',
  async (t) => {
    const clock = fakeClock();
    const never = new Promise<string>(() => undefined);
    const given = withTimeout(never, { clock, limitMs: 1000, late: () => 'late' });
    const thrown = withTimeout(never, {
      clock,
      limitMs: 1000,
      late: () => {
        throw late();
      },
    });
    const rejected = t.rejects(thrown, { message: 'late' });
    await clock.advance(1000);
    t.equal(await given, 'late');
    await rejected;
    const caller = new AbortController();
    const left = withTimeout(never, { clock, limitMs: 1000, signal: caller.signal, late: () => 'left' });
    caller.abort();
    t.equal(await left, 'left');
    t.same(clock.sleepers(), []);
  },
);

t.test('work that fails after its time disturbs nobody', async (t) => {
  const clock = fakeClock();
  let fail: ((error: Error) => void) | undefined;
  const work = new Promise<string>((_resolve, reject) => {
    fail = reject;
  });
  const given = withTimeout(work, { clock, limitMs: 1000, late: () => 'late' });
  await clock.advance(1000);
  fail?.(new Error('too late'));
  t.equal(await given, 'late');
  await pause(10);
});
