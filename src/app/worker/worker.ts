// A worker's process: it does what the supervisor's messages say, hands the sockets to click-server.ts, and ends when the supervisor
// says so or is gone. It orders nothing and writes nothing to the storage.

import { toLinkgateError } from '../../core/errors.ts';
import type { DrainTime } from '../../serve/listeners.ts';
import { handedOver } from '../drain-times.ts';
import type { FromWorker, ToWorker } from '../messages.ts';
import { ClickServer } from './click-server.ts';

/** a worker that is killed loses the counts since its last report */
const REPORT_MS = 2_000;
/** connections that wait while no worker accepts; the kernel caps it at net.core.somaxconn */
const BACKLOG = 4_096;
/** sysexits(3): EX_SOFTWARE */
const BUG_EXIT = 70;

const tell = (message: FromWorker): Promise<void> =>
  new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, undefined, {}, () => resolve());
  });

const fail = async (error: unknown): Promise<void> => {
  const { code, message } = toLinkgateError(error);
  await tell({ type: 'failed', code, message });
  process.exit(1);
};

class Worker {
  /** defined from the supervisor's first message on */
  #server: ClickServer | undefined;
  #isLeaving = false;
  #opened = 0;

  /** Takes over the messages and the signals of this process for good. */
  start(): void {
    process.on('message', (message: ToWorker, handle: unknown) => {
      try {
        this.#hear(message, handle);
      } catch (error) {
        void fail(error);
      }
    });
    // the supervisor died, and the service restarts it: this worker finishes its requests and accepts no more
    process.on('disconnect', () => void this.#leave());
    process.on('SIGTERM', () => void this.#leave());
    // Ctrl-C reaches the whole group: the supervisor decides, and sends `drain`
    for (const signal of ['SIGINT', 'SIGHUP', 'SIGUSR2']) process.on(signal, () => undefined);
    // Node's default would open a debugger's port
    process.on('SIGUSR1', () => this.#server?.reopenLog());
    const bug = (error: unknown): void => {
      this.#server?.emit('part.failed', { part: 'worker', error });
      this.#server?.flushLog();
      process.exit(BUG_EXIT);
    };
    process.on('uncaughtException', bug);
    process.on('unhandledRejection', bug);
  }

  #hear(message: ToWorker, handle: unknown): void {
    switch (message.type) {
      case 'start':
        this.#server = new ClickServer(message);
        setInterval(() => void this.#report(0), REPORT_MS).unref();
        break;
      case 'socket':
        this.#listen(message, handle);
        break;
      case 'settings':
        this.#server?.apply(message.change);
        break;
      case 'ticket-keys':
        this.#server?.setTicketKeys(message.ticketKeys);
        break;
      case 'reopen-log':
        this.#server?.reopenLog();
        break;
      case 'refresh':
        void this.#server?.refresh(message.domain);
        break;
      case 'measure':
        void this.#report(message.question);
        break;
      case 'drain':
        void this.#leave(message.time);
        break;
    }
  }

  #listen({ listener }: ToWorker & { type: 'socket' }, handle: unknown): void {
    const server = this.#server?.server(listener);
    server?.on('error', (error) => void fail(error));
    server?.listen(handle, BACKLOG, () => {
      this.#opened += 1;
      if (this.#opened === 2) void tell({ type: 'ready' });
    });
  }

  /** Sends what was counted. Never rejects: counts that cannot be read are no reason to end. */
  async #report(question: number): Promise<void> {
    try {
      if (this.#server !== undefined)
        await tell({ type: 'measured', question, ...(await this.#server.measure()) });
    } catch {
      // the next report has these counts too
    }
  }

  async #leave(time: DrainTime = handedOver(this.#server?.drainMs ?? 0)): Promise<void> {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    await this.#server?.drain(time);
    // with what was counted while it drained
    await this.#report(0);
    await this.#server?.endTraces();
    this.#server?.flushLog();
    process.exit(0);
  }
}

/** Runs this process as a worker: waits for the supervisor's first message, serves, ends. */
export const runWorker = (): void => new Worker().start();
