// Before others on the machine, where that is allowed: a measurement that waits for its core measures the others.

import { writeFileSync } from 'node:fs';
import os from 'node:os';

/** a nice value */
const PRIORITY = -10;

/** For this process and all that it starts. Quiet without the right to it: `foreign` in the tables tells what it cost. */
export const takePriority = (): void => {
  try {
    os.setPriority(PRIORITY);
    // sched(7): between sessions it is this one that counts
    writeFileSync('/proc/self/autogroup', String(PRIORITY));
  } catch {
    // not root
  }
};
