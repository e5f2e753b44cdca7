import t from 'tap';
import { LONGEST_PAUSE_MS } from '../../../src/cert/issuers/issuer.ts';
import { pausedUntilMs, pauseMs, stateAfterFailure } from '../../../src/cert/renewal/backoff.ts';
import { NOTHING_YET } from '../../../src/cert/state/issuance-state.ts';
import { LinkgateError, type ErrorCode } from '../../../src/core/errors.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const random = (): number => 0;
const failure = (code: ErrorCode = 'ERR_ACME_UNAUTHORIZED', nowMs = 0) => ({
  error: new LinkgateError(code, 'no'),
  nowMs,
  random,
});
const limited = (retryAfterMs: number) => ({
  ...failure(),
  error: new LinkgateError('ERR_ACME_RATE_LIMITED', 'no', { details: { retryAfterMs } }),
});

t.test('the pauses grow from one minute to six hours', async (t) => {
  const minutes = Array.from({ length: 13 }, (_, index) => pauseMs(index + 1, failure()) / MINUTE);
  t.same(minutes, [1, 2, 2, 5, 10, 20, 30, 60, 120, 240, 360, 360, 360]);
  t.equal(pauseMs(1, { ...failure(), random: () => 0.999 }), Math.round(MINUTE * (1 + 0.999 / 4)));
  t.equal(pauseMs(1, limited(30 * MINUTE)), 30 * MINUTE, 'at least what the CA asked for');
  t.equal(pauseMs(1, limited(30 * DAY)), LONGEST_PAUSE_MS, 'but a day at most');
});

t.test('the pause depends on what failed', async (t) => {
  const minutes = (code: ErrorCode, failures: number): number => pauseMs(failures, failure(code)) / MINUTE;
  t.equal(minutes('ERR_ACME_UNREACHABLE', 5), 10);
  t.equal(minutes('ERR_STORAGE_LOCKED', 5), 1, 'another process is done soon');
  t.equal(minutes('ERR_STORAGE_UNAVAILABLE', 1), 1);
  t.equal(minutes('ERR_STORAGE_UNAVAILABLE', 4), 5);
  t.equal(minutes('ERR_STORAGE_UNAVAILABLE', 20), 10, 'not for hours');
  t.equal(minutes('ERR_CERT_NAME_UNREADY', 5), 3);
  for (const code of ['ERR_STORAGE_LOCKED', 'ERR_CERT_NAME_UNREADY'] as const) {
    const late = pauseMs(1, { ...failure(code), random: () => 0.999 });
    t.ok(late > pauseMs(1, failure(code)), 'names that failed together do not come back together');
  }
});

t.test('a certificate of an hour is not lost in a pause', async (t) => {
  const pause = (failures: number, nowMs: number, notAfterMs = HOUR): number =>
    pauseMs(failures, { ...failure(), nowMs, certificate: { notBeforeMs: 0, notAfterMs } });
  t.equal(pause(1, 30 * MINUTE), MINUTE);
  t.equal(pause(6, 45 * MINUTE), 5 * MINUTE, 'a twelfth of its lifetime, not twenty minutes');
  t.equal(pause(6, HOUR), 20 * MINUTE, 'once it is lost, the pauses are the usual ones');
  t.equal(pause(20, DAY, 6 * DAY), 360 * MINUTE, 'a CA with limits has no lifetime so short');
});

t.test('a failure is counted, with its pause and its problem', async (t) => {
  const before = {
    ...NOTHING_YET,
    failures: 3,
    nextAttemptMs: 1,
    lastIssuedMs: 7,
    challenge: 'http-01',
  } as const;
  t.match(stateAfterFailure(before, failure('ERR_ACME_REFUSED', HOUR)), {
    failures: 4,
    nextAttemptMs: HOUR + 5 * MINUTE,
    lastIssuedMs: 7,
    challenge: 'http-01',
    lastProblem: { type: 'ERR_ACME_REFUSED', at: new Date(HOUR).toISOString() },
  });
  t.match(stateAfterFailure(undefined, failure()), { failures: 1, nextAttemptMs: MINUTE, lastIssuedMs: 0 });
});

t.test('a name that is not ready, or that another process holds, has not failed once more', async (t) => {
  for (const code of ['ERR_CERT_NAME_UNREADY', 'ERR_STORAGE_LOCKED'] as const) {
    t.equal(stateAfterFailure({ ...NOTHING_YET, failures: 4 }, failure(code)).failures, 4);
    t.equal(stateAfterFailure(NOTHING_YET, failure(code)).failures, 1, 'but it pauses');
  }
});

t.test('a pause under way is not made shorter, unless it comes from a clock that was wrong', async (t) => {
  const paused = { ...NOTHING_YET, failures: 1, nextAttemptMs: 5 * HOUR };
  t.equal(stateAfterFailure(paused, failure()).nextAttemptMs, 5 * HOUR);
  t.equal(pausedUntilMs(paused, 0), 5 * HOUR);
  const wrong = { ...paused, nextAttemptMs: 365 * DAY };
  t.equal(pausedUntilMs(wrong, 0), 0);
  t.equal(stateAfterFailure(wrong, failure()).nextAttemptMs, 2 * MINUTE);
  t.equal(pausedUntilMs({ ...paused, failures: 0 }, 0), 0, 'no failure, no pause');
  t.equal(pausedUntilMs(undefined, 0), 0);
});
