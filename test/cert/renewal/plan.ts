import t from 'tap';
import {
  askAtMs,
  dueAtMs,
  isEarlyOrder,
  isRenewalDue,
  issuedState,
  positionOf,
  renewAtMs,
} from '../../../src/cert/renewal/plan.ts';
import type { IssuanceState, RenewalWindow } from '../../../src/cert/state/issuance-state.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const none = { failures: 0, nextAttemptMs: 0, lastIssuedMs: 0, lastProblem: null };
const certificate = {
  notBeforeMs: 1_000,
  notAfterMs: 1_000 + 90 * DAY,
  fingerprint: 'aa',
  source: 'acme',
} as const;
const window = (startMs: number, endMs: number, fingerprint = 'aa'): IssuanceState => ({
  ...none,
  renewal: { fingerprint, windowStartMs: startMs, windowEndMs: endMs, askAgainMs: 0 },
});

t.test('a certificate is renewed just after two thirds of its lifetime, half below ten days', async (t) => {
  const at = renewAtMs(certificate, undefined, 5);
  t.ok(at >= 1_000 + 60 * DAY && at < 1_000 + 64 * DAY, `${at / DAY}`);
  const short = renewAtMs({ ...certificate, notAfterMs: 1_000 + 6 * DAY }, undefined, 5);
  t.ok(short >= 1_000 + 3 * DAY && short < 1_000 + 3.3 * DAY);
});

t.test('the moment differs between certificates and never between processes', async (t) => {
  const moments = new Set<number>();
  for (let index = 0; index < 200; index += 1) {
    moments.add(renewAtMs({ ...certificate, fingerprint: `${index}` }, undefined, 5));
  }
  t.equal(moments.size, 200);
  t.equal(positionOf('aa'), positionOf('aa'));
});

t.test('the window of the CA goes before the lifetime', async (t) => {
  const at = renewAtMs(certificate, window(20 * DAY, 21 * DAY), 5);
  t.ok(at >= 20 * DAY && at < 21 * DAY);
  t.ok(isRenewalDue(certificate, window(1, 2), 5 * DAY), 'a window in the past means now');
  const late = renewAtMs(certificate, window(89.9 * DAY, 90 * DAY), 5);
  t.equal(late, 1_000 + 75 * DAY, 'a window in the last sixth is not followed');
  for (const odd of [window(0, 0), window(30 * DAY, 20 * DAY), window(NaN, NaN), window(1, 2, 'another')]) {
    t.equal(renewAtMs(certificate, odd, 5), renewAtMs(certificate, undefined, 5));
  }
});

t.test('a window in the past is acted on however soon after the last order, five times a week', async (t) => {
  const { renewal } = window(1, 2);
  const issuedAt = 10 * DAY;
  const issue = (state: IssuanceState, nowMs: number): IssuanceState => ({
    ...issuedState(state, { atMs: nowMs, isEarly: isEarlyOrder(certificate, state, nowMs) }),
    ...(renewal === undefined ? {} : { renewal }),
  });
  let state: IssuanceState = { ...window(1, 2), lastIssuedMs: issuedAt, issuedBeforeMs: issuedAt - 2 * HOUR };
  t.equal(renewAtMs(certificate, state, issuedAt + 1), issuedAt + HOUR, 'the third order in one lifetime');
  const early: number[] = [];
  for (let nowMs = issuedAt; nowMs < issuedAt + 8 * DAY; nowMs += HOUR / 4) {
    if (!isRenewalDue(certificate, state, nowMs)) continue;
    t.ok(isEarlyOrder(certificate, state, nowMs));
    early.push((nowMs - issuedAt) / HOUR);
    state = issue(state, nowMs);
  }
  t.same(early, [1, 2, 3, 4, 5, 169, 170, 171, 172, 173], 'an hour apart, and no sixth in seven days');
  t.equal(state.earlyIssuedMs?.length, 5, 'no more are kept');
});

t.test('early orders never delay a regular one', async (t) => {
  const short = { ...certificate, notBeforeMs: 5 * HOUR, notAfterMs: 5 * HOUR + 6 * DAY };
  const early = [1, 2, 3, 4, 5].map((hours) => hours * HOUR);
  const spent = { ...window(1, 2), lastIssuedMs: 5 * HOUR, regularIssuedMs: 2_000, earlyIssuedMs: early };
  const at = renewAtMs(short, undefined, 5);
  t.ok(at < 4 * DAY, 'the next early one is allowed after seven days');
  t.equal(renewAtMs(short, spent, 6 * HOUR), at);
  t.equal(isEarlyOrder(short, spent, at - 1), true);
  t.equal(isEarlyOrder(short, spent, at), false);
  const next = issuedState(spent, { atMs: at });
  t.match(next, { lastIssuedMs: at, issuedBeforeMs: 2_000, earlyIssuedMs: early });
  t.notOk('regularIssuedMs' in next);
  t.notOk(
    'earlyIssuedMs' in issuedState(next, { atMs: at + 8 * DAY }),
    'a week after, none is left to count',
  );
});

t.test('two regular orders in one lifetime are the most', async (t) => {
  const state = { ...none, lastIssuedMs: 61 * DAY, issuedBeforeMs: 60 * DAY };
  const old = { ...certificate, notBeforeMs: 0, notAfterMs: 90 * DAY };
  t.equal(renewAtMs(old, state, 62 * DAY), 60 * DAY + 90 * DAY);
});

t.test('an imported certificate is never due', async (t) => {
  const imported = { ...certificate, source: 'import' } as const;
  t.equal(dueAtMs(imported, window(1, 2), 100 * DAY), Infinity);
  t.equal(isRenewalDue(imported, undefined, 100 * DAY), false);
  t.equal(askAtMs(imported, undefined, 5), Infinity);
});

t.test('when the CA is asked', async (t) => {
  t.equal(askAtMs(certificate, undefined, 5), 0, 'at once for a certificate it was never asked about');
  t.equal(askAtMs(certificate, window(1, 2, 'another'), 5), 0);
  const asked = { ...none, renewal: { ...window(1, 2).renewal, askAgainMs: 5 * HOUR } as RenewalWindow };
  t.equal(askAtMs(certificate, asked, 5), 5 * HOUR);
  t.equal(askAtMs({ ...certificate, source: 'local' }, asked, 5), Infinity);
  t.equal(askAtMs(certificate, asked, 91 * DAY), Infinity, 'an expired certificate is renewed in any case');
});

t.test('a name is due when it has nothing, or when its renewal comes, unless it pauses', async (t) => {
  t.equal(dueAtMs(undefined, undefined, 5), 0);
  t.equal(dueAtMs(certificate, undefined, 5), renewAtMs(certificate, undefined, 5));
  const paused = { ...none, failures: 1, nextAttemptMs: 10 * MINUTE };
  t.equal(dueAtMs(undefined, paused, 5), 10 * MINUTE);
  t.equal(dueAtMs(certificate, { ...paused, nextAttemptMs: 71 * DAY }, 71 * DAY - 5), 71 * DAY);
  t.equal(dueAtMs(undefined, { ...none, nextAttemptMs: 10 * MINUTE }, 5), 0, 'no failure, no pause');
  t.equal(dueAtMs(undefined, { ...paused, nextAttemptMs: 30 * DAY }, 5), 0, 'no pause is so long');
});

t.test('a pause does not stop a renewal that a person asks for', async (t) => {
  const paused = { ...none, failures: 4, nextAttemptMs: 72 * DAY };
  t.equal(isRenewalDue(certificate, paused, 71 * DAY), true);
  t.equal(isRenewalDue(certificate, paused, 59 * DAY), false);
});
