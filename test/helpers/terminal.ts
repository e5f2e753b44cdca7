// A person at a terminal: the built command in a pseudo-terminal of Python's, keys pressed when a text was seen.

import { execFile } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { executable } from './linkgate-command.ts';

/** Types `keys` once `see` stands in what came since the last step. */
export interface Step {
  readonly see: string;
  readonly keys: string;
}

export interface TerminalResult {
  readonly status: number;
  /** all that was drawn, control sequences taken out */
  readonly text: string;
  readonly raw: string;
}

const EXPECT = `
import fcntl, json, os, pty, select, signal, struct, sys, termios, time
args, steps, columns = json.loads(sys.argv[1])
pid, fd = pty.fork()
if pid == 0:
    os.execvp(args[0], args)
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 50, columns, 0, 0))
seen, mark, until = b'', 0, time.time() + 40
while True:
    ready = select.select([fd], [], [], 0.2)[0]
    if time.time() > until:
        os.kill(pid, signal.SIGKILL)
        seen += b'\\nTOO LATE'
        break
    if ready:
        try:
            more = os.read(fd, 65536)
        except OSError:
            break
        if not more:
            break
        seen += more
    if steps and steps[0]['see'].encode() in seen[mark:]:
        mark = len(seen)
        os.write(fd, steps.pop(0)['keys'].encode())
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(json.dumps([os.waitstatus_to_exitcode(status), seen.decode('utf-8', 'replace')]).encode())
`;

export interface TerminalOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly columns?: number;
}

/** Runs `linkgate ARGS` to its end; 40 s at most. */
export const terminal = (
  args: readonly string[],
  steps: readonly Step[],
  { cwd, env, columns = 80 }: TerminalOptions = {},
): Promise<TerminalResult> =>
  new Promise((resolve, reject) => {
    const words = JSON.stringify([[executable, ...args], steps, columns]);
    const options = {
      cwd,
      env: { PATH: process.env['PATH'] ?? '', TERM: 'xterm', LANG: 'C.UTF-8', ...env },
      timeout: 60_000,
      maxBuffer: 16 * 1024 * 1024,
    };
    execFile('python3', ['-c', EXPECT, words], options, (error, stdout, stderr) => {
      if (error !== null) return reject(new Error(`${error.message}\n${stderr}`));
      const [status, raw] = JSON.parse(stdout) as [number, string];
      return resolve({ status, raw, text: stripVTControlCharacters(raw).replaceAll('\r', '') });
    });
  });
