// The built command as a user runs it: a process with a configuration file, its log lines read as they come.

import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { stringify } from 'yaml';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAIN = join(ROOT, 'dist/cli/main.js');

export type LogLine = Readonly<Record<string, unknown>> & { readonly message?: string };

export interface Running {
  readonly process: ChildProcess;
  /** every JSON line of stdout so far, of supervisor and workers */
  readonly log: readonly LogLine[];
  stdout(): string;
  stderr(): string;
  /** the first log line (of the past or to come) that matches; rejects when the process ends first, or after two minutes */
  line(matches: (line: LogLine) => boolean): Promise<LogLine>;
  /** port of one listener, once it is open */
  port(listener: 'https' | 'http' | 'admin'): Promise<number>;
  /** resolves with the exit code, or the signal's name */
  readonly ended: Promise<number | string>;
}

const LINE_TIMEOUT_MS = 120_000;

/** tap's own loaders are not the command's */
const environment = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...process.env,
  NODE_OPTIONS: '',
  LINKGATE_LOG_LEVEL: 'info',
  ...env,
});

/** Starts `linkgate ARGS`; killed at the test's end when it still runs. */
export const linkgate = (t: Test, args: readonly string[], env: NodeJS.ProcessEnv = {}): Running =>
  follow(
    t,
    spawn(process.execPath, [MAIN, ...args], { env: environment(env), stdio: ['ignore', 'pipe', 'pipe'] }),
  );

/** uid and gid of `nobody`: the service of {@link linkgateAsNobody} */
export const NOBODY = 65_534;

/**
 * Starts `linkgate ARGS` as nobody, as a service runs under an account of its own; root alone can.
 * @param mounts - shell lines that are run before, as root, in the mount namespace of the service
 */
export const linkgateAsNobody = (
  t: Test,
  args: readonly string[],
  mounts: readonly string[] = [],
): Running => {
  const lines = [
    // the project may lie in a folder that nobody may enter
    `mount --bind ${ROOT} /mnt`,
    ...mounts,
    `exec setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups ${process.execPath} /mnt/dist/cli/main.js "$@"`,
  ];
  // every step replaces the one before: signals reach the proxy itself
  return follow(
    t,
    spawn('unshare', ['--mount', 'sh', '-ec', lines.join('\n'), 'sh', ...args], {
      env: environment({}),
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
};

/** What a process says and how it ends, read as it comes. */
const follow = (t: Test, child: ChildProcessByStdio<null, Readable, Readable>): Running => {
  let stdout = '';
  let stderr = '';
  let rest = '';
  const log: LogLine[] = [];
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const look of [...waiting]) look();
  };
  let isOver = false;
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
    rest += chunk;
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const text of lines) if (text.startsWith('{')) log.push(JSON.parse(text) as LogLine);
    wake();
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  const ended = new Promise<number | string>((resolve) => {
    child.on('close', (code, signal) => {
      isOver = true;
      resolve(code ?? signal ?? 'unknown');
      wake();
    });
  });
  t.teardown(async () => {
    if (!isOver) child.kill('SIGKILL');
    await ended;
  });
  const line: Running['line'] = (matches) =>
    new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        waiting.delete(look);
        reject(new Error(`no line for which ${String(matches)}:\n${stderr}\n${stdout}`));
      }, LINE_TIMEOUT_MS);
      const look = (): void => {
        const found = log.find(matches);
        if (found === undefined && !isOver) return;
        clearTimeout(late);
        waiting.delete(look);
        if (found === undefined) reject(new Error(`linkgate ended first:\n${stderr}\n${stdout}`));
        else resolve(found);
      };
      waiting.add(look);
      look();
    });
  return {
    process: child,
    log,
    stdout: () => stdout,
    stderr: () => stderr,
    line,
    port: async (listener) => {
      const found = await line(
        (entry) => entry.message === 'listener opened' && entry['listener'] === listener,
      );
      return Number(found['port']);
    },
    ended,
  };
};

/** Writes a configuration into a folder; returns its path. */
export const writeConfig = (folder: string, config: object): string => {
  const path = join(folder, 'linkgate.yaml');
  writeFileSync(path, stringify(config));
  return path;
};
