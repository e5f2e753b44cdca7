// The machine that the proxy runs on: its clock, the modes of the storage's files, room on the disk, file descriptors, Node. Checked
// once for all domains.

import { lstat, readdir, readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { isNodeSupported, supportedNodes } from '../../core/platform/node-floor.ts';
import { finding, good, type Finding } from '../examination/findings.ts';

export interface MachineOptions {
  /** absolute path of the file storage */
  readonly storagePath: string;
  /** process whose limits are read: a worker of the running proxy, else this one */
  readonly pid: number | 'self';
  readonly nodeVersion: string;
  /** milliseconds that this clock is ahead of other clocks; undefined: no response had a time */
  readonly skewMs: number | undefined;
  readonly signal: AbortSignal;
}

const MOST_SKEW_MS = 60_000;
const LEAST_FREE_BYTES = 64 * 1024 * 1024;
const LEAST_DESCRIPTORS = 8_192;
const MOST_FILES = 20_000;

const checkClock = ({ skewMs }: MachineOptions): Finding => {
  if (skewMs === undefined) return good('runtime', 'clock not compared: no response had a time');
  const seconds = Math.round(skewMs / 1000);
  if (Math.abs(skewMs) <= MOST_SKEW_MS) return good('runtime', 'clock right to a minute');
  const what = `this machine’s clock is ${Math.abs(seconds)} s ${seconds > 0 ? 'ahead' : 'behind'}`;
  return finding('runtime', 'clock-skewed', { what, evidence: ['compared with the Date of answers'] });
};

const checkModes = async ({ storagePath, signal }: MachineOptions): Promise<Finding> => {
  const wide: string[] = [];
  let counted = 0;
  const walk = async (path: string): Promise<void> => {
    signal.throwIfAborted();
    const { mode } = await lstat(path);
    if ((mode & 0o077) !== 0) wide.push(`${path} is ${(mode & 0o777).toString(8)}`);
    for (const entry of await readdir(path, { withFileTypes: true })) {
      const inner = join(path, entry.name);
      if ((counted += 1) > MOST_FILES) return;
      if (entry.isDirectory()) await walk(inner);
      else if (entry.isFile() && ((await lstat(inner)).mode & 0o077) !== 0) wide.push(inner);
    }
  };
  try {
    await walk(storagePath);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // the first `linkgate run` makes it
    if (code === 'ENOENT' && counted === 0) return good('runtime', 'storage not made yet');
    const what = `storage "${storagePath}" cannot be read: ${code ?? 'unknown'}`;
    return finding('runtime', 'storage-unreadable', { what });
  }
  if (wide.length === 0) return good('runtime', 'keys readable by their owner only');
  const what = `${wide.length} files or folders of the storage are open to other users`;
  return finding('runtime', 'storage-modes', { what, evidence: wide.slice(0, 10) });
};

const checkDisk = async ({ storagePath }: MachineOptions): Promise<readonly Finding[]> => {
  try {
    const { bavail, bsize } = await statfs(storagePath);
    const free = bavail * bsize;
    const text = `${Math.floor(free / 1024 / 1024)} MiB free where the storage is`;
    return [
      free < LEAST_FREE_BYTES ? finding('runtime', 'disk-full', { what: text }) : good('runtime', text),
    ];
  } catch {
    return [];
  }
};

const checkDescriptors = async ({ pid }: MachineOptions): Promise<readonly Finding[]> => {
  let text: string;
  try {
    text = await readFile(`/proc/${pid}/limits`, 'utf8');
  } catch {
    // another system than Linux, or another user's process
    return [];
  }
  const soft = Number(/^Max open files\s+(\d+)/m.exec(text)?.[1] ?? Infinity);
  const what = `${soft} file descriptors for ${pid === 'self' ? 'this shell' : `process ${pid}`}`;
  return [soft < LEAST_DESCRIPTORS ? finding('runtime', 'descriptors-few', { what }) : good('runtime', what)];
};

const checkNode = ({ nodeVersion }: MachineOptions): Finding => {
  if (isNodeSupported(nodeVersion)) return good('runtime', `Node ${nodeVersion}`);
  return finding('runtime', 'node-outdated', {
    what: `Node ${nodeVersion} is below the security floor`,
    remedy: `install Node ${supportedNodes().join(' or ')}, or a later version of these lines`,
  });
};

/** Rejects only when `signal` aborts. */
export const checkRuntime = async (machine: MachineOptions): Promise<readonly Finding[]> => [
  checkClock(machine),
  await checkModes(machine),
  ...(await checkDisk(machine)),
  ...(await checkDescriptors(machine)),
  checkNode(machine),
];
