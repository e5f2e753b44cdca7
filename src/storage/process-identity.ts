// Who this process is, so that a lock it leaves behind when it is killed can be told from one that is still held:
// machine (one boot of it, one pid namespace), pid, and when the process started, since pids come round again.

import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';

export interface ProcessIdentity {
  /** processes that can see each other's pids share it */
  readonly machine: string;
  readonly pid: number;
  /** when the process started, in the kernel's own unit; `unknown` where there is no /proc */
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
 * anything, so fields are counted from its last `)`.
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
 * Whether `owner` is known to be dead, as far as `self` can see: false for a process of another machine, of an earlier
 * boot or of another container, of which nothing can be known from here.
 */
export const isGone = async (owner: ProcessIdentity, self: ProcessIdentity): Promise<boolean> => {
  if (owner.machine !== self.machine) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    // EPERM: it lives and is another user's.
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
  const stat = await processStat(owner.pid);
  if (stat === undefined || owner.startedAt === UNKNOWN) return false;
  // A zombie has ended and only waits to be reaped; a different start is another process under the same pid.
  return stat.state === 'Z' || stat.state === 'X' || stat.startedAt !== owner.startedAt;
};
