// Clicks one behind the other, each on a TLS connection of its own, in a process of its own: what the test does besides
// must not be in their times. Sends, whenever it is asked, the times since it was asked last.

import { fileURLToPath } from 'node:url';
import { clickHttp1, type ClickTarget } from './click.ts';

export const clickChild = fileURLToPath(import.meta.url);

/** Each message from the child; a message to it, whatever it is, asks for one. The first to it is a `ClickTarget`. */
export interface ClickChildReport {
  /** milliseconds from connecting to the end of the answer */
  readonly times: readonly number[];
  /** the first answers that were no redirect */
  readonly wrong: readonly string[];
}

const run = async (target: ClickTarget): Promise<void> => {
  let times: number[] = [];
  let wrong: string[] = [];
  process.on('message', () => {
    const report: ClickChildReport = { times, wrong };
    process.send?.(report);
    times = [];
    wrong = [];
  });
  while (process.connected) {
    const before = performance.now();
    const answer = await clickHttp1(target).catch((error: unknown) => String(error));
    times.push(performance.now() - before);
    if (!answer.startsWith('HTTP/1.1 302 ') && wrong.length < 3) wrong.push(answer.slice(0, 60));
  }
};

if (process.argv[1] === clickChild) {
  process.once('message', (target) => void run(target as ClickTarget));
  process.on('disconnect', () => process.exit());
}
