// A thread of the load: keeps its share of clicks under way until it is told to stop, and counts them.

import { parentPort, workerData } from 'node:worker_threads';
import { createDraw, domainName, seededRandom } from '../names.ts';
import { createConnect } from './connection.ts';
import { createHttp2Clicker } from './http2-clicks.ts';
import { createFreshClicker, createKeptClicker, type Clicker, type ClickerOptions } from './http1-clicks.ts';
import type { Counts, ThreadSpec, ToThread } from './spec.ts';

const spec = workerData as ThreadSpec;
const draw = createDraw(spec.distribution, spec.domains, seededRandom(spec.thread + 1));

let latencies: number[] = [];
let errors: Record<string, number> = {};
/** a target that fails at once must not be clicked in a circle */
const AFTER_FAULT_MS = 20;

const count = (fault: string | undefined, sinceMs: number): void => {
  if (fault === undefined) latencies.push(performance.now() - sinceMs);
  else errors[fault] = (errors[fault] ?? 0) + 1;
};

/** Clicks without end: the next one when the one before is answered. */
const circle = async (click: Clicker): Promise<void> => {
  for (;;) {
    const sinceMs = performance.now();
    const fault = await click();
    count(fault, sinceMs);
    const pauseMs = fault === undefined ? (spec.pauseMs ?? 0) : AFTER_FAULT_MS;
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
};

/** Clicks by the clock, answered or not: a target that stalls is not spared the clicks that come meanwhile. */
const byTheClock = (click: Clicker, ratePerMs: number, most: number): void => {
  const startMs = performance.now();
  let due = 0;
  let underWay = 0;
  const one = async (intendedMs: number): Promise<void> => {
    underWay += 1;
    const fault = await click();
    underWay -= 1;
    count(fault, intendedMs);
  };
  const look = (): void => {
    const dueNow = (performance.now() - startMs) * ratePerMs;
    for (; due < dueNow; due += 1) {
      const intendedMs = startMs + due / ratePerMs;
      if (underWay >= most) {
        count('not-sent', intendedMs);
        continue;
      }
      void one(intendedMs);
    }
    setTimeout(look, 1);
  };
  look();
};

const options: ClickerOptions = {
  connect: createConnect(spec.caPem),
  port: spec.port,
  thread: spec.thread,
  nextName: () => domainName(draw()),
};
const share = Math.max(Math.round(spec.concurrency / spec.threads), 1);

if (spec.mode === 'open') {
  byTheClock(createFreshClicker(options, false), spec.rate / spec.threads / 1000, share);
} else if (spec.mode === 'fresh' || spec.mode === 'resumed') {
  const click = createFreshClicker(options, spec.mode === 'resumed');
  for (let index = 0; index < share; index += 1) void circle(click);
} else {
  const create = spec.mode === 'keepalive-h1' ? createKeptClicker : createHttp2Clicker;
  // A number of its own for each, so that no two clicks have the same path.
  for (let index = 0; index < share; index += 1) {
    void circle(create({ ...options, thread: spec.thread * 10_000 + index }));
  }
}

const take = (): Counts => {
  const counts = { clicks: latencies.length, latencies: Float64Array.from(latencies), errors };
  latencies = [];
  errors = {};
  return counts;
};

parentPort?.on('message', (word: ToThread) => {
  const counts = take();
  if (word === 'stop') process.exit(0);
  parentPort?.postMessage(word === 'take' ? counts : undefined);
});
