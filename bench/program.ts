// Starts and ends the programs of a run, each on the cores it is given. A program is ended by its pid, with everything below it.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { pidsOf } from './process-tree.ts';

const STOP_LIMIT_MS = 5_000;
const LAST_WORDS = 4_000;

export interface ProgramOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** as taskset(1) takes them: `0`, `0,1` */
  readonly cores: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Program {
  readonly pid: number;
  /** what it printed last; for messages */
  printed(): string;
  hasEnded(): boolean;
  stop(): Promise<void>;
}

const kill = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal);
  } catch {
    // it has ended
  }
};

const running = new Set<Program>();

/** Ends whatever still runs: for the end of a run that failed. */
export const stopAll = async (): Promise<void> => {
  await Promise.all([...running].map((program) => program.stop()));
};

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void stopAll().then(() => process.exit(1)));
}

export const startProgram = ({ command, args, cores, env }: ProgramOptions): Program => {
  // taskset becomes the program, so its pid is the program's
  const child = spawn('taskset', ['-c', cores, command, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  const hear = (chunk: Buffer): void => {
    printed = (printed + chunk.toString('utf8')).slice(-LAST_WORDS);
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  child.once('error', (error) => hear(Buffer.from(String(error))));
  const ended = once(child, 'exit').catch(() => undefined);
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const program: Program = {
    pid: child.pid ?? -1,
    printed: () => printed,
    hasEnded,
    stop: async () => {
      running.delete(program);
      if (child.pid === undefined || hasEnded()) return;
      const tree = pidsOf(child.pid);
      kill(child.pid, 'SIGTERM');
      await Promise.race([ended, pause(STOP_LIMIT_MS, undefined, { ref: false })]);
      if (!hasEnded()) for (const pid of tree) kill(pid, 'SIGKILL');
      await ended;
    },
  };
  running.add(program);
  return program;
};

/** Whether a command can be run, and what it says of its version. */
export const versionOf = (command: string, args: readonly string[]): string | undefined => {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) return undefined;
  return /\d+\.\d+\.\d+/.exec(stdout + stderr)?.[0];
};

/** A port of 127.0.0.1 that nobody listened on a moment ago. */
export const freePort = async (): Promise<number> => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
};
