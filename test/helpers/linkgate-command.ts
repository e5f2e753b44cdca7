// Runs the built command as a user does: `npm run build` comes first.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { text } from 'node:stream/consumers';

/** The executable that package.json names as `bin`. */
export const executable = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface CommandResult {
  /** exit code, or the signal that ended it */
  readonly status: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs it by its shebang, to its end, half a minute at most. LINKGATE_… of the outside is not passed on. */
export const linkgateCommand = async (
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> => {
  const child = spawn(executable, args, {
    cwd: options.cwd,
    env: { PATH: process.env['PATH'] ?? '', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000,
    killSignal: 'SIGKILL',
  });
  const ended = new Promise<number | string | null>((resolve, reject) => {
    child.once('close', (code, signal) => resolve(code ?? signal)).once('error', reject);
  });
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { status, stdout, stderr };
};
