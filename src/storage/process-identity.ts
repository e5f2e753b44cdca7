// The identity of this process: the machine (one boot, one pid namespace), the pid and the start time, because pids are used again. It
// tells a lock of a process that was killed from one that is still held.

import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';

export interface ProcessIdentity {
  /** the same for processes that can see each other's pids */
  readonly machine: string;
  readonly pid: number;
  /** when the process started, in the unit of the kernel; `unknown` where there is no /proc */
  readonly startedAt: string;
}

const UNKNOWN = 'unknown';

const firstLine = async (path: string): Promise<string | undefined> => {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch {
    return undefined;
  }
};

/**
 * State letter and start time of a process (proc(5), /proc/pid/stat fields 3 and 22). The name in parentheses may hold
 * any text, so fields are counted from the last `)`.
 */
const processStat = async (pid: number): Promise<{ state: string; startedAt: string } | undefined> => {
  const stat = await firstLine(`/proc/${pid}/stat`);
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, startedAt] = [fields?.[0], fields?.[19]];
  return state === undefined || startedAt === undefined ? undefined : { state, startedAt };
};

const machineId = async (): Promise<string> => {
  const bootId = await firstLine('/proc/sys/kernel/random/boot_id');
  if (bootId === undefined) return `host ${hostname()}`;
  const namespace = await readlink('/proc/self/ns/pid').catch(() => UNKNOWN);
  return `boot ${bootId} ${namespace}`;
};

/** This process. */
export const processIdentity = async (): Promise<ProcessIdentity> => ({
  machine: await machineId(),
  pid: process.pid,
  startedAt: (await processStat(process.pid))?.startedAt ?? UNKNOWN,
});

/**
 * Whether `owner` is dead, as far as `self` can see. False for a process of another machine, of an earlier boot or of another
 * container: nothing can be known of it from here.
 */
export const isGone = async (owner: ProcessIdentity, self: ProcessIdentity): Promise<boolean> => {
  if (owner.machine !== self.machine) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    // EPERM: it lives and belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
  const stat = await processStat(owner.pid);
  if (stat === undefined || owner.startedAt === UNKNOWN) return false;
  // A zombie has ended and only waits to be reaped; a different start time is another process with the same pid.
  return stat.state === 'Z' || stat.state === 'X' || stat.startedAt !== owner.startedAt;
};
