// Whole lives of a name by the plan, with CAs and clocks of every kind: what must hold whatever happens.

import * as fc from 'fast-check';
import t from 'tap';
import { createCaClock } from '../../../../src/cert/issuers/ca-clock.ts';
import { askAtMs, dueAtMs, isEarlyOrder, issuedState } from '../../../../src/cert/renewal/plan.ts';
import { NOTHING_YET } from '../../../../src/cert/state/issuance-state.ts';
import type { IssuanceState } from '../../../../src/cert/state/issuance-state.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

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

interface Life {
  /** when the orders were placed that were due without the CA's window too */
  readonly regular: readonly number[];
  /** and those that only the window asked for */
  readonly early: readonly number[];
  readonly expiredMs: number;
  readonly usableMs: number;
}

/** Whether a name would be ordered for if the CA had no window for its certificate. */
const isDueWithoutWindow = (
  certificate: Parameters<typeof dueAtMs>[0],
  state: IssuanceState | undefined,
  nowMs: number,
): boolean => {
  const { renewal: _renewal, ...others }: IssuanceState = state ?? NOTHING_YET;
  return dueAtMs(certificate, others, nowMs) <= nowMs;
};

/** Three lifetimes of one name with a CA that works. Time passes in leaps from one turn of the loop to the next. */
const live = async (world: World): Promise<Life> => {
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
  const regular: number[] = [];
  const early: number[] = [];
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
        ...(state ?? NOTHING_YET),
        renewal: {
          fingerprint,
          windowStartMs: world.window === undefined ? 0 : notBeforeMs + start * lifetimeMs,
          windowEndMs: world.window === undefined ? 0 : notBeforeMs + end * lifetimeMs,
          askAgainMs: clock.now() + 6 * HOUR,
        },
      };
    }
    if (dueAtMs(held, state, clock.now()) <= clock.now()) {
      await clock.settle(true, signal);
      if (dueAtMs(held, state, clock.now()) <= clock.now()) {
        const isEarly = !isDueWithoutWindow(held, state, clock.now());
        if (held !== undefined && isEarlyOrder(held, state, clock.now()) !== isEarly)
          throw new Error(`order at ${trueMs} counts as the wrong kind`);
        (isEarly ? early : regular).push(trueMs);
        const notBeforeMs = Math.floor((trueMs - backdatedMs) / 1_000) * 1_000;
        held = {
          notBeforeMs,
          notAfterMs: notBeforeMs + lifetimeMs,
          fingerprint: `${world.seed} ${regular.length} ${early.length}`,
          source: 'acme',
        };
        clock.learn(notBeforeMs);
        state = issuedState(state, { atMs: clock.now(), isEarly });
        pass(orderMs);
        continue;
      }
    }
    const nextMs = Math.min(
      dueAtMs(held, state, clock.now()) - clock.now(),
      held === undefined ? Infinity : askAtMs(held, state, clock.now()) - clock.now(),
    );
    // The loop naps for a minute at most; of two minutes in which nothing changes, one can be left out.
    const jumpMs = Math.min(...jumps.filter(({ atMs }) => atMs > trueMs).map(({ atMs }) => atMs - trueMs));
    pass(Math.min(Math.max(nextMs, 10), Math.max(jumpMs, 10), Math.max(MINUTE, lifetimeMs / 50)));
  }
  return { regular, early, expiredMs, usableMs: lifetimeMs - backdatedMs - 1_000 };
};

/** The most of `times`, which are sorted, that lie within `ms` of each other. */
const mostWithin = (times: readonly number[], ms: number): number => {
  let most = 0;
  for (let first = 0, last = 0; last < times.length; last += 1) {
    while ((times[last] ?? 0) - (times[first] ?? 0) >= ms) first += 1;
    most = Math.max(most, last - first + 1);
  }
  return most;
};

t.test('a CA that says "now" for ever is followed as soon as the ceiling allows', async (t) => {
  for (const lifetimeMs of [2 * DAY, 45 * DAY, 90 * DAY, 398 * DAY]) {
    const world = { lifetimeMs, backdated: 0, window: [-2, -1], orderMs: 1_000, jumps: [], seed: 1 } as const;
    const { regular, early, expiredMs } = await live(world);
    const first = regular[0] ?? 0;
    const hours = early.slice(0, 5).map((atMs) => Math.floor((atMs - first) / HOUR));
    t.same(hours, [1, 2, 3, 4, 5]);
    t.equal(mostWithin(early, 7 * DAY), 5);
    t.equal(expiredMs, 0);
  }
});

t.test(
  'while the CA works no certificate expires, none is ordered more than twice a lifetime, nor by the window more than five times a week',
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
        const { regular, early, expiredMs, usableMs } = await live(given);
        const told = `regular orders at ${regular.join(', ')}, early ones at ${early.join(', ')}`;
        if (expiredMs > 0) throw new Error(`expired for ${expiredMs} ms, ${told}`);
        if (mostWithin(regular, usableMs - 2_000) > 2) throw new Error(`three in one lifetime: ${told}`);
        if (mostWithin(early, 7 * DAY - 2_000) > 5) throw new Error(`six early ones in a week: ${told}`);
        const all = [...regular, ...early].toSorted((a, b) => a - b);
        const gapMs = Math.min(HOUR, usableMs / 20) - 2_000;
        if (mostWithin(early, HOUR - 2_000) > 1 || mostWithin(all, gapMs) > 1)
          throw new Error(`two at once: ${told}`);
        return all.length >= 3;
      }),
      { numRuns: 300 },
    );
    t.pass();
  },
);
