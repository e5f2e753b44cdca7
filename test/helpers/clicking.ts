// Traffic for tests of what may not lose a click.

import type { Test } from 'tap';

export interface Clicking {
  /** what went wrong so far */
  readonly failures: readonly string[];
  /** milliseconds each click took so far, in no order */
  readonly tookMs: readonly number[];
  /** stops, waits for the clicks under way, and tells how many there were */
  end(): Promise<number>;
}

/** Clicks at a fixed rate, whatever becomes of the ones before; all but 302 is a failure. */
export const clicking = (t: Test, perSecond: number, click: () => Promise<string>): Clicking => {
  const failures: string[] = [];
  const tookMs: number[] = [];
  const open = new Set<Promise<void>>();
  let sent = 0;
  const began = performance.now();
  const timer = setInterval(() => {
    const due = ((performance.now() - began) / 1_000) * perSecond;
    for (; sent < due; sent += 1) {
      const at = performance.now();
      const one = click()
        .then(
          (answer) => void (answer.startsWith('HTTP/1.1 302 ') || failures.push(answer.slice(0, 60))),
          (error: Error) => void failures.push(error.message),
        )
        .finally(() => {
          tookMs.push(performance.now() - at);
          open.delete(one);
        });
      open.add(one);
    }
  }, 2);
  t.teardown(() => clearInterval(timer));
  return {
    failures,
    tookMs,
    end: async (): Promise<number> => {
      clearInterval(timer);
      await Promise.all(open);
      return sent;
    },
  };
};
