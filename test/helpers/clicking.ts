// Traffic for tests of what may not lose a click: clicks at a fixed rate, each on a connection of its own, from a process of its
// own, so that neither the test nor what it waits for slows them down.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { clickHttp1, type ClickTarget } from './click.ts';

const PROGRAM = fileURLToPath(import.meta.url);

export interface Clicked {
  readonly sent: number;
  /** what was not answered with 302, or not at all */
  readonly failures: readonly string[];
  /** milliseconds each took from the moment it was due, in no order */
  readonly tookMs: readonly number[];
}

export interface Clicking {
  /** stops, and waits for those under way */
  end(): Promise<Clicked>;
}

interface Order extends ClickTarget {
  readonly perSecond: number;
}

/**
 * Clicks at a fixed rate, whatever becomes of the ones before, but as many at once as a second has: a machine that cannot do more is
 * slower, and loses nothing for it. Resolves when they come.
 */
export const clicking = async (t: Test, perSecond: number, target: ClickTarget): Promise<Clicking> => {
  const child = fork(PROGRAM);
  t.teardown(() => child.kill('SIGKILL'));
  const ask = <T>(message: Order | 'end'): Promise<T> =>
    new Promise((resolve, reject) => {
      child.once('message', (answer) => resolve(answer as T));
      child.once('exit', (code, signal) => reject(new Error(`clicks ended: ${signal ?? code}`)));
      child.send(message);
    });
  const order: Order = { ...target, perSecond };
  await ask(order);
  return { end: () => ask('end') };
};

const run = ({ perSecond, ...target }: Order): (() => Promise<Clicked>) => {
  const failures: string[] = [];
  const tookMs: number[] = [];
  const open = new Set<Promise<void>>();
  const began = performance.now();
  let sent = 0;
  const click = async (dueMs: number): Promise<void> => {
    try {
      const answer = await clickHttp1(target);
      if (!answer.startsWith('HTTP/1.1 302 ')) failures.push(answer.slice(0, 60));
    } catch (error) {
      failures.push((error as Error).message);
    }
    tookMs.push(performance.now() - dueMs);
  };
  const timer = setInterval(() => {
    const due = ((performance.now() - began) / 1_000) * perSecond;
    for (; sent < due && open.size < perSecond; sent += 1) {
      const one = click(began + (sent * 1_000) / perSecond).finally(() => open.delete(one));
      open.add(one);
    }
  }, 2);
  return async () => {
    clearInterval(timer);
    await Promise.all(open);
    return { sent, failures, tookMs };
  };
};

if (process.argv[1] === PROGRAM) {
  process.once('message', (order: Order) => {
    const end = run(order);
    process.send?.('begun');
    process.once('message', () => {
      void end().then((clicked) => process.send?.(clicked, () => process.exit()));
    });
  });
  // a test that is gone has no use for clicks
  process.once('disconnect', () => process.exit());
}
