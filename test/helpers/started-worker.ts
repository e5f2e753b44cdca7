// A worker as a process, with a test in the place of its supervisor: the channel, the messages, the sockets.

import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import type { FromWorker, ToWorker } from '../../src/app/messages.ts';
import { holdSocket } from '../../src/app/supervisor/held-socket.ts';
import type { Settings } from '../../src/core/settings.ts';
import { until } from './until.ts';

export interface StartedWorker {
  readonly process: ChildProcess;
  readonly heard: readonly FromWorker[];
  readonly httpsPort: number;
  readonly httpPort: number;
  readonly exit: Promise<number | string>;
  tell(message: ToWorker): void;
}

/** Resolves when it is ready; killed at the end of the test. */
export const startWorker = async (t: Test, settings: Settings): Promise<StartedWorker> => {
  const child = fork(fileURLToPath(new URL('../../src/app/worker/worker-process.ts', import.meta.url)), [], {
    serialization: 'advanced',
  });
  const heard: FromWorker[] = [];
  child.on('message', (message: FromWorker) => heard.push(message));
  const exit = new Promise<number | string>((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? signal ?? ''));
  });
  const sockets = (['https', 'http'] as const).map(
    (listener) => [listener, holdSocket(listener, settings.listen[listener])] as const,
  );
  t.teardown(async () => {
    child.kill('SIGKILL');
    await exit;
    for (const [, held] of sockets) held.close();
  });
  child.send({
    type: 'start',
    settings,
    logLevel: 'silent',
    ticketKeys: Buffer.alloc(48),
  } satisfies ToWorker);
  for (const [listener, held] of sockets) {
    child.send({ type: 'socket', listener } satisfies ToWorker, held.handle as never);
  }
  await until('the worker is ready', () => heard.some(({ type }) => type === 'ready'));
  const tell = (message: ToWorker): void => void child.send(message);
  return {
    process: child,
    heard,
    httpsPort: sockets[0]?.[1].address.port ?? 0,
    httpPort: sockets[1]?.[1].address.port ?? 0,
    exit,
    tell,
  };
};
