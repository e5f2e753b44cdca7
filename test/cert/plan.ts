import * as fc from 'fast-check';
import t from 'tap';
import { createCaClock } from '../../src/cert/ca-clock.ts';
import {
  askAtMs,
  dueMs,
  isRenewalDue,
  issuedState,
  LONGEST_PAUSE_MS,
  pauseMs,
  positionOf,
  renewAtMs,
} from '../../src/cert/plan.ts';
import type { IssuanceState, RenewalWindow } from '../../src/cert/store.ts';

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

t.test('the wish of the CA goes before the lifetime', async (t) => {
  const at = renewAtMs(certificate, window(20 * DAY, 21 * DAY), 5);
  t.ok(at >= 20 * DAY && at < 21 * DAY);
  t.ok(isRenewalDue(certificate, window(1, 2), 5 * DAY), 'a window in the past means now');
  const late = renewAtMs(certificate, window(89.9 * DAY, 90 * DAY), 5);
  t.equal(late, 1_000 + 75 * DAY, 'a wish for the last sixth is not followed');
  for (const odd of [window(0, 0), window(30 * DAY, 20 * DAY), window(NaN, NaN), window(1, 2, 'another')]) {
    t.equal(renewAtMs(certificate, odd, 5), renewAtMs(certificate, undefined, 5));
  }
});

t.test('an imported certificate is never due', async (t) => {
  const imported = { ...certificate, source: 'import' } as const;
  t.equal(dueMs(imported, window(1, 2), 100 * DAY), Infinity);
  t.equal(isRenewalDue(imported, undefined, 100 * DAY), false);
  t.equal(askAtMs(imported, undefined, 5), Infinity);
});

t.test('when the CA is asked', async (t) => {
  t.equal(askAtMs(certificate, undefined, 5), 0, 'at once for one it was never asked about');
  t.equal(askAtMs(certificate, window(1, 2, 'another'), 5), 0);
  const told = { ...none, renewal: { ...window(1, 2).renewal, askAgainMs: 5 * HOUR } as RenewalWindow };
  t.equal(askAtMs(certificate, told, 5), 5 * HOUR);
  t.equal(askAtMs({ ...certificate, source: 'local' }, told, 5), Infinity);
  t.equal(askAtMs(certificate, told, 91 * DAY), Infinity, 'it is renewed anyway');
});

t.test('the pauses grow from one minute to six hours', async (t) => {
  const minutes = Array.from({ length: 13 }, (_, index) => pauseMs(index + 1, () => 0) / MINUTE);
  t.same(minutes, [1, 2, 2, 5, 10, 20, 30, 60, 120, 240, 360, 360, 360]);
  t.equal(
    pauseMs(1, () => 0.999),
    Math.round(MINUTE * (1 + 0.999 / 4)),
  );
  t.equal(
    pauseMs(1, () => 0, { retryAfterMs: 30 * MINUTE }),
    30 * MINUTE,
    'at least what the CA asked for',
  );
  t.equal(
    pauseMs(1, () => 0, { retryAfterMs: 30 * DAY }),
    LONGEST_PAUSE_MS,
    'but a day at most',
  );
});

t.test('a certificate of an hour is not lost in a pause', async (t) => {
  const atStake = { notBeforeMs: 0, notAfterMs: HOUR };
  const pause = (failures: number, nowMs: number): number => pauseMs(failures, () => 0, { atStake, nowMs });
  t.equal(pause(1, 30 * MINUTE), MINUTE);
  t.equal(pause(6, 45 * MINUTE), 5 * MINUTE, 'a twelfth of its lifetime, not twenty minutes');
  t.equal(pause(6, HOUR), 20 * MINUTE, 'once it is lost, the pauses are the usual ones');
  const long = { atStake: { notBeforeMs: 0, notAfterMs: 6 * DAY }, nowMs: DAY };
  t.equal(
    pauseMs(20, () => 0, long),
    360 * MINUTE,
    'a CA with limits has no lifetime so short',
  );
});

t.test('a name is due when it has nothing, or when its renewal comes, unless it pauses', async (t) => {
  t.equal(dueMs(undefined, undefined, 5), 0);
  t.equal(dueMs(certificate, undefined, 5), renewAtMs(certificate, undefined, 5));
  const paused = { ...none, failures: 1, nextAttemptMs: 10 * MINUTE };
  t.equal(dueMs(undefined, paused, 5), 10 * MINUTE);
  t.equal(dueMs(certificate, { ...paused, nextAttemptMs: 71 * DAY }, 71 * DAY - 5), 71 * DAY);
  t.equal(dueMs(undefined, { ...none, nextAttemptMs: 10 * MINUTE }, 5), 0, 'no failure, no pause');
  t.equal(dueMs(undefined, { ...paused, nextAttemptMs: 30 * DAY }, 5), 0, 'no pause is so long');
});

t.test('a pause does not stand in the way of somebody who asks for a renewal', async (t) => {
  const paused = { ...none, failures: 4, nextAttemptMs: 72 * DAY };
  t.equal(isRenewalDue(certificate, paused, 71 * DAY), true);
  t.equal(isRenewalDue(certificate, paused, 59 * DAY), false);
});

interface World {
  readonly lifetimeMs: number;
  /** how far the CA sets the beginning of a certificate back, as a share of its lifetime */
  readonly backdated: number;
  /** the CA's window, as shares of the lifetime; before 0 is the past */
  readonly window: readonly [number, number] | undefined;
  /** how long an order takes */
  readonly orderMs: number;
  /** at these shares of three lifetimes, the clock stands so far from the truth */
  readonly jumps: readonly (readonly [number, number])[];
  readonly seed: number;
}

/** Three lifetimes of one name with a CA that works. Time passes in leaps from one look of the loop to the next. */
const live = async (
  world: World,
): Promise<{ orders: readonly number[]; expiredMs: number; usableMs: number }> => {
  const { lifetimeMs, orderMs } = world;
  const startMs = Date.UTC(2026, 0, 1);
  const endMs = startMs + 3 * lifetimeMs;
  let trueMs = startMs;
  const jumps = world.jumps
    .map(([share, offsetMs]) => ({ atMs: startMs + share * 3 * lifetimeMs, offsetMs }))
    .toSorted((a, b) => a.atMs - b.atMs);
  const wallMs = (): number => trueMs + (jumps.findLast(({ atMs }) => atMs <= trueMs)?.offsetMs ?? 0);
  const clock = createCaClock({
    clock: { now: wallMs, sleep: async () => {} },
    elapsedMs: () => trueMs - startMs,
    askTime: async () => Math.floor(trueMs / 1_000) * 1_000,
  });
  const signal = new AbortController().signal;
  const backdatedMs = Math.min(HOUR, world.backdated * lifetimeMs);
  const orders: number[] = [];
  let held: { notBeforeMs: number; notAfterMs: number; fingerprint: string; source: 'acme' } | undefined;
  let state: IssuanceState | undefined;
  let expiredMs = 0;
  const pass = (ms: number): void => {
    if (held !== undefined) expiredMs += Math.max(0, Math.min(ms, trueMs + ms - held.notAfterMs));
    trueMs += ms;
  };
  for (;;) {
    if (trueMs >= endMs) break;
    await clock.settle(false, signal);
    if (held !== undefined && askAtMs(held, state, clock.now()) <= clock.now()) {
      const [start, end] = world.window ?? [0, 0];
      const { notBeforeMs, fingerprint } = held;
      state = {
        ...(state ?? none),
        renewal: {
          fingerprint,
          windowStartMs: world.window === undefined ? 0 : notBeforeMs + start * lifetimeMs,
          windowEndMs: world.window === undefined ? 0 : notBeforeMs + end * lifetimeMs,
          askAgainMs: clock.now() + 6 * HOUR,
        },
      };
    }
    if (dueMs(held, state, clock.now()) <= clock.now()) {
      await clock.settle(true, signal);
      if (dueMs(held, state, clock.now()) <= clock.now()) {
        orders.push(trueMs);
        const notBeforeMs = Math.floor((trueMs - backdatedMs) / 1_000) * 1_000;
        held = {
          notBeforeMs,
          notAfterMs: notBeforeMs + lifetimeMs,
          fingerprint: `${world.seed} ${orders.length}`,
          source: 'acme',
        };
        clock.learn(notBeforeMs);
        state = issuedState(state, { atMs: clock.now() });
        pass(orderMs);
        continue;
      }
    }
    const nextMs = Math.min(
      dueMs(held, state, clock.now()) - clock.now(),
      held === undefined ? Infinity : askAtMs(held, state, clock.now()) - clock.now(),
    );
    // The loop naps for a minute at most; of two minutes in which nothing changes, one can be left out.
    const jumpMs = Math.min(...jumps.filter(({ atMs }) => atMs > trueMs).map(({ atMs }) => atMs - trueMs));
    pass(Math.min(Math.max(nextMs, 10), Math.max(jumpMs, 10), Math.max(MINUTE, lifetimeMs / 50)));
  }
  return { orders, expiredMs, usableMs: lifetimeMs - backdatedMs - 1_000 };
};

t.test(
  'while the CA works no certificate expires, and none is ordered more than twice a lifetime',
  async (t) => {
    const YEAR = 365 * DAY;
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    const world = fc.record<World>({
      lifetimeMs: fc.oneof(
        fc.constantFrom(HOUR, 160 * HOUR, 45 * DAY, 90 * DAY, 398 * DAY),
        fc.integer({ min: HOUR, max: 398 * DAY }),
      ),
      backdated: fc.double({ min: 0, max: 1 / 25, noNaN: true }),
      window: fc.option(
        fc.tuple(fc.double({ min: -2, max: 2, noNaN: true }), fc.double({ min: -2, max: 2, noNaN: true })),
        { nil: undefined },
      ),
      orderMs: fc.integer({ min: 100, max: 90_000 }),
      jumps: fc.array(
        fc.tuple(
          share,
          fc.oneof(
            fc.constantFrom(0, HOUR, -HOUR, YEAR, -YEAR),
            fc.integer({ min: -2 * YEAR, max: 2 * YEAR }),
          ),
        ),
        { maxLength: 4 },
      ),
      seed: fc.nat(),
    });
    await fc.assert(
      fc.asyncProperty(world, async (given) => {
        const { orders, expiredMs, usableMs } = await live(given);
        if (expiredMs > 0) throw new Error(`expired for ${expiredMs} ms, orders at ${orders.join(', ')}`);
        for (const [index, atMs] of orders.entries()) {
          const inLifetime = orders.slice(index).filter((other) => other < atMs + usableMs - 2_000).length;
          if (inLifetime > 2)
            throw new Error(`${inLifetime} orders within one lifetime: ${orders.join(', ')}`);
        }
        return orders.length >= 3;
      }),
      { numRuns: 300 },
    );
    t.pass();
  },
);
