import * as fc from 'fast-check';
import t from 'tap';
import { dueMs, isRenewalDue, LONGEST_PAUSE_MS, pauseMs, renewAtMs } from '../../src/cert/plan.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
const none = { failures: 0, nextAttemptMs: 0, lastIssuedMs: 0, lastProblem: null };

t.test('a certificate is renewed at two thirds of its lifetime', async (t) => {
  t.equal(renewAtMs({ notBeforeMs: 0, notAfterMs: 90 * DAY }), 60 * DAY);
  t.equal(renewAtMs({ notBeforeMs: 100, notAfterMs: 190 }), 160);
});

t.test('the pauses grow from one minute to six hours', async (t) => {
  const minutes = Array.from({ length: 13 }, (_, index) => pauseMs(index + 1, () => 0) / MINUTE);
  t.same(minutes, [1, 2, 2, 5, 10, 20, 30, 60, 120, 240, 360, 360, 360]);
  t.equal(
    pauseMs(1, () => 0.999),
    Math.round(MINUTE * (1 + 0.999 / 4)),
  );
  t.equal(
    pauseMs(1, () => 0, 30 * MINUTE),
    30 * MINUTE,
    'at least what the CA asked for',
  );
  t.equal(
    pauseMs(1, () => 0, 30 * DAY),
    LONGEST_PAUSE_MS,
    'but a day at most',
  );
});

t.test('a name is due when it has nothing, or when its renewal comes, unless it pauses', async (t) => {
  const certificate = { notBeforeMs: 0, notAfterMs: 90 * DAY };
  t.equal(dueMs(undefined, undefined, 5), 0);
  t.equal(dueMs(certificate, undefined, 5), 60 * DAY);
  const paused = { ...none, failures: 1, nextAttemptMs: 10 * MINUTE };
  t.equal(dueMs(undefined, paused, 5), 10 * MINUTE);
  t.equal(dueMs(certificate, { ...paused, nextAttemptMs: 61 * DAY }, 61 * DAY - 5), 61 * DAY);
  t.equal(dueMs(undefined, { ...none, nextAttemptMs: 10 * MINUTE }, 5), 0, 'no failure, no pause');
});

t.test('a pause does not stand in the way of somebody who asks for a renewal', async (t) => {
  const certificate = { notBeforeMs: 0, notAfterMs: 90 * DAY };
  const paused = { ...none, failures: 4, nextAttemptMs: 62 * DAY };
  t.equal(isRenewalDue(certificate, paused, 61 * DAY), true);
  t.equal(isRenewalDue(certificate, paused, 59 * DAY), false);
});

t.test('whatever the lifetime and the clock, a name never waits for ever and never spins', async (t) => {
  const time = fc.integer({ min: 0, max: 4e12 });
  const lifetime = fc.integer({ min: 90_000, max: 398 * DAY });
  fc.assert(
    fc.property(time, lifetime, time, (notBeforeMs, lifetimeMs, issuedMs) => {
      const certificate = { notBeforeMs, notAfterMs: notBeforeMs + lifetimeMs };
      const state = { ...none, lastIssuedMs: issuedMs };
      const dueAfterIssue = dueMs(certificate, state, issuedMs);
      // Straight after an issue, however far ahead the clock is, a third of the lifetime passes before the next.
      return dueAfterIssue >= issuedMs + lifetimeMs / 3;
    }),
  );
  fc.assert(
    fc.property(
      time,
      lifetime,
      time,
      time,
      fc.nat(20),
      (notBeforeMs, lifetimeMs, nowMs, stateMs, failures) => {
        const certificate = { notBeforeMs, notAfterMs: notBeforeMs + lifetimeMs };
        const state = { ...none, failures, nextAttemptMs: stateMs, lastIssuedMs: stateMs };
        const latest = Math.max(
          notBeforeMs + (lifetimeMs * 2) / 3,
          nowMs + lifetimeMs / 3,
          nowMs + LONGEST_PAUSE_MS,
        );
        return (
          dueMs(certificate, state, nowMs) <= latest &&
          dueMs(undefined, state, nowMs) <= nowMs + LONGEST_PAUSE_MS
        );
      },
    ),
  );
  t.pass();
});
