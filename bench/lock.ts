// Quiet for a measurement on a machine that several people measure on: flock(1) holds a file while the work runs.

import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Runs `work` while `file` is locked; at once without a file. */
export const locked = async <T>(file: string | undefined, work: () => Promise<T>): Promise<T> => {
  if (file === undefined) return work();
  const holder = spawn('flock', [file, 'sh', '-c', 'echo held; cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  try {
    return await work();
  } finally {
    const ended = once(holder, 'exit');
    holder.stdin.end();
    await ended;
  }
};
