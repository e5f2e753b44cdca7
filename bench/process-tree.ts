// What a program costs, from /proc: CPU time, memory and descriptors of a process and everything below it. Linux only.

import { readdirSync, readFileSync } from 'node:fs';

/** USER_HZ, which Linux fixes at 100 for what it shows in /proc. */
const TICK_MS = 10;

export interface ProcessStat {
  readonly pid: number;
  readonly parentPid: number;
  /** user and system time, with that of children that ended and were waited for */
  readonly cpuMs: number;
}

/** Reads the line of /proc/PID/stat (proc(5)); undefined when it is none. The name in brackets may contain anything. */
export const parseStat = (line: string): ProcessStat | undefined => {
  const close = line.lastIndexOf(')');
  const pid = Number.parseInt(line, 10);
  const fields = line.slice(close + 2).split(' ');
  // field 3 (state) is fields[0]; 4 is ppid, 14 to 17 are utime, stime, cutime, cstime
  const [parentPid, ...times] = [fields[1], ...fields.slice(11, 15)].map(Number);
  const ticks = times.reduce((sum, time) => sum + time, 0);
  if (close < 0 || times.length < 4 || parentPid === undefined || Number.isNaN(pid + parentPid + ticks)) {
    return undefined;
  }
  return { pid, parentPid, cpuMs: ticks * TICK_MS };
};

/** Bytes behind `Pss:` in /proc/PID/smaps_rollup: memory shared by n processes counts an n-th in each. */
export const parsePss = (text: string): number | undefined => {
  const kibibytes = /^Pss:\s+(\d+) kB$/m.exec(text)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
};

/** `root` and every process below it. */
export const treeOf = (root: number, processes: readonly ProcessStat[]): readonly ProcessStat[] => {
  const found = new Set([root]);
  for (let size = 0; size !== found.size;) {
    size = found.size;
    for (const { pid, parentPid } of processes) if (found.has(parentPid)) found.add(pid);
  }
  return processes.filter(({ pid }) => found.has(pid));
};

/** A process may end between two looks; what cannot be read is not there. */
const quietly = <T>(look: () => T): T | undefined => {
  try {
    return look();
  } catch {
    return undefined;
  }
};

const readTree = (root: number): readonly ProcessStat[] =>
  treeOf(
    root,
    readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry))
      .flatMap((pid) => quietly(() => parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))) ?? []),
  );

export const pidsOf = (root: number): readonly number[] => readTree(root).map(({ pid }) => pid);

/** CPU time the tree has used so far, in ms. */
export const cpuMsOf = (root: number): number => readTree(root).reduce((sum, { cpuMs }) => sum + cpuMs, 0);

/** Proportional set size of the tree, in bytes. */
export const pssOf = (root: number): number =>
  pidsOf(root).reduce(
    (sum, pid) => sum + (quietly(() => parsePss(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))) ?? 0),
    0,
  );

/** Open descriptors of the tree. */
export const descriptorsOf = (root: number): number =>
  pidsOf(root).reduce((sum, pid) => sum + (quietly(() => readdirSync(`/proc/${pid}/fd`).length) ?? 0), 0);

/** Busy time of one core by all programs, in ms: the line `cpuN` of /proc/stat without idle and iowait; steal counts. */
export const parseCoreBusy = (text: string, core: number): number | undefined => {
  const fields = new RegExp(`^cpu${core} (.*)$`, 'm').exec(text)?.[1]?.split(' ').map(Number);
  if (fields === undefined || fields.length < 8) return undefined;
  // user nice system idle iowait irq softirq steal; guest time is part of user
  const ticks = fields.slice(0, 8).reduce((sum, time) => sum + time, 0) - (fields[3] ?? 0) - (fields[4] ?? 0);
  return ticks * TICK_MS;
};

export const coreBusyMs = (core: number): number =>
  parseCoreBusy(readFileSync('/proc/stat', 'utf8'), core) ?? NaN;
