// What systemd does for a service with socket units, without systemd: keeps listening sockets open, and starts a program as
// often as it is told with these sockets as its descriptors 3, 4, 5.

import { spawn } from 'node:child_process';
import type { Test } from 'tap';
import { until } from './until.ts';

const HOLD = `
import os, socket, sys
names = sys.argv[1].split(",")
held = []
for name in names:
    s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(4096)
    held.append(os.dup2(s.fileno(), 100 + len(held))); s.detach()
print("ports", *[socket.socket(fileno=os.dup(fd)).getsockname()[1] for fd in held], file=sys.stderr, flush=True)
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        for at, fd in enumerate(held): os.dup2(fd, 3 + at)
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(held)), LISTEN_FDNAMES=":".join(names))
        os.execvp(sys.argv[2], sys.argv[2:])
    print("pid", pid, file=sys.stderr, flush=True)
    def reap(_pid=pid):
        _, status = os.waitpid(_pid, 0)
        print("ended", _pid, os.waitstatus_to_exitcode(status), file=sys.stderr, flush=True)
    import threading; threading.Thread(target=reap, daemon=True).start()
`;

export interface SocketUnit {
  /** by name */
  readonly ports: Readonly<Record<string, number>>;
  /** starts the program once more, and tells its process id */
  start(): Promise<number>;
  /** resolves with the exit code of a process, or minus its signal */
  ended(pid: number): Promise<number>;
  /** stdout of every process so far */
  stdout(): string;
}

/** needs('python3') */
export const socketUnit = async (
  t: Test,
  names: readonly string[],
  command: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<SocketUnit> => {
  const child = spawn('python3', ['-c', HOLD, names.join(','), ...command], {
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const started: number[] = [];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => void (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => void (stderr += chunk));
  const words = (first: string): readonly (readonly string[])[] =>
    stderr
      .split('\n')
      .slice(0, -1)
      .map((line) => line.split(' '))
      .filter(([word]) => word === first);
  t.teardown(() => {
    for (const pid of started) {
      if (words('ended').some(([, one]) => Number(one) === pid)) continue;
      process.kill(pid, 'SIGKILL');
    }
    child.kill('SIGKILL');
  });
  const [ports] = await until('the sockets are there', () => words('ports').length > 0 && words('ports'));
  return {
    ports: Object.fromEntries(names.map((name, index) => [name, Number(ports?.[index + 1])])),
    start: async () => {
      const before = started.length;
      child.stdin.write('start\n');
      const pids = await until('it is started', () => words('pid').length > before && words('pid'));
      const pid = Number(pids.at(-1)?.[1]);
      started.push(pid);
      return pid;
    },
    ended: async (pid) => {
      const code = (): string | undefined => words('ended').find(([, one]) => Number(one) === pid)?.[2];
      return Number(await until(`process ${pid} ends`, code, 60_000));
    },
    stdout: () => stdout,
  };
};
