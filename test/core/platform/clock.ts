import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import t from 'tap';
import { createSleep, systemClock, type Delay } from '../../../src/core/platform/clock.ts';
import { holds } from '../../helpers/property.ts';

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A timer that fires at once and remembers what it was asked for. */
const recordingDelay = (): { readonly asked: number[]; readonly delay: Delay } => {
  const asked: number[] = [];
  const delay: Delay = async (ms) => {
    asked.push(ms);
  };
  return { asked, delay };
};

t.test('now is the time of the machine', async (t) => {
  const before = Date.now();
  const now = systemClock.now();
  t.ok(now >= before && now <= Date.now());
});

t.test('sleep takes about as long as it says', async (t) => {
  const start = performance.now();
  await systemClock.sleep(20);
  t.ok(performance.now() - start >= 19, 'not shorter');
});

t.test('an abort ends the sleep at once, without an error and without a timer left behind', async (t) => {
  const controller = new AbortController();
  const sleeping = systemClock.sleep(3_600_000, controller.signal);
  t.equal(getEventListeners(controller.signal, 'abort').length, 1, 'listens while it sleeps');
  controller.abort(new Error('enough'));
  t.equal(await sleeping, undefined);
  t.equal(getEventListeners(controller.signal, 'abort').length, 0, 'does not listen afterwards');
});

t.test('a signal that was aborted before does not sleep', async (t) => {
  t.equal(await systemClock.sleep(3_600_000, AbortSignal.abort()), undefined);
});

t.test('no listener stays on a long-lived signal', async (t) => {
  const { signal } = new AbortController();
  for (let i = 0; i < 20; i += 1) await systemClock.sleep(0, signal);
  t.equal(getEventListeners(signal, 'abort').length, 0);
});

t.test('any length is waited whole, in pieces that a timer can hold', async (t) => {
  await holds(
    t,
    fc.asyncProperty(fc.integer({ min: 0, max: 400 * 86_400_000 }), async (ms) => {
      const { asked, delay } = recordingDelay();
      await createSleep(delay)(ms);
      assert.equal(
        asked.reduce((sum, piece) => sum + piece, 0),
        ms,
      );
      assert.ok(asked.every((piece) => piece <= LONGEST_TIMER_MS));
      assert.equal(asked.length, Math.max(1, Math.ceil(ms / LONGEST_TIMER_MS)));
    }),
  );
});

t.test('a negative length is none', async (t) => {
  const { asked, delay } = recordingDelay();
  await createSleep(delay)(-5);
  t.strictSame(asked, [0]);
});

t.test('an abort during a later piece ends the whole sleep', async (t) => {
  const asked: number[] = [];
  const sleep = createSleep(async (ms) => {
    asked.push(ms);
    if (asked.length === 2) throw new Error('aborted');
  });
  await sleep(LONGEST_TIMER_MS * 3);
  t.strictSame(asked, [LONGEST_TIMER_MS, LONGEST_TIMER_MS]);
});
