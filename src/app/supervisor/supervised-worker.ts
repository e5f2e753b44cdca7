// One worker process from the supervisor's side, from its start to its end: it gets the settings and the sockets, says that it is
// ready, is measured, drains, and is killed when it is late or hangs. workers.ts decides what takes its place.

import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../core/platform/clock.ts';
import { withDeadline } from '../../core/platform/deadline.ts';
import { LinkgateError } from '../../core/errors.ts';
import type { Emit, Listener } from '../../core/events.ts';
import type { Settings, UpstreamId } from '../../core/settings.ts';
import type { UpstreamContact } from '../../core/upstream-contact.ts';
import type { DrainTime } from '../../serve/listeners.ts';
import type { Contacts, FromWorker, ToWorker } from '../messages.ts';
import { workerArgs } from '../worker/worker-heap.ts';
import type { SocketHandle } from './held-socket.ts';

/** A worker that is not ready this long after its start is killed. */
const START_MS = 30_000;
/** A worker reports its counts every two seconds; one that is silent for more checks in a row hangs. */
const MOST_SILENT_CHECKS = 3;
/** How much longer than its drain time a worker may take. */
const LATE_MS = 1_000;
/** How long a worker may take to begin to drain when this process does not stay for its end. */
const LEAVE = { clock: systemClock, limitMs: 2_000, late: (): Error => new Error('worker is late') };

export type WorkerState = 'starting' | 'ready' | 'draining';

export interface SupervisedWorkerOptions {
  /** never used again; the system gives a pid to another process */
  readonly number: number;
  readonly process: ChildProcess;
  /** it is started to take the place of a worker that serves; if it cannot start, that worker stays */
  readonly isSpare: boolean;
  readonly emit: Emit;
  /** its own report of what it has counted */
  readonly onMeasured: (snapshot: unknown) => void;
  readonly onExited: () => void;
  /** it has exited, and another one has to take its place */
  readonly onDied: () => void;
  /** whether all workers end now, so that its end is expected */
  readonly isStopping: () => boolean;
}

/** The first messages to a worker. */
export interface WorkerStart {
  readonly settings: Settings;
  readonly logLevel?: string | undefined;
  readonly ticketKeys: Buffer;
  readonly sockets: Readonly<Record<Listener, SocketHandle>>;
}

/** `dist/app/worker/worker-process.js`; the source's own file where tests run the source. */
const WORKER_PROCESS = fileURLToPath(
  new URL(`../worker/worker-process.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url),
);

const cannotStart = (cause: unknown): LinkgateError =>
  new LinkgateError('ERR_INTERNAL', 'worker process cannot be started', { cause });

/** @throws LinkgateError where the system has no memory for another process */
export const forkWorker = (): ChildProcess => {
  try {
    const execArgv = [...workerArgs(process.execArgv, process.env['NODE_OPTIONS'])];
    return fork(WORKER_PROCESS, [], { serialization: 'advanced', execArgv });
  } catch (cause) {
    throw cannotStart(cause);
  }
};

export class SupervisedWorker {
  readonly pid: number;
  readonly #options: SupervisedWorkerOptions;
  readonly #process: ChildProcess;
  /** asked and not answered yet, by number */
  readonly #questions = new Map<number, (snapshot: unknown) => void>();
  #lastQuestion = 0;
  #state: WorkerState = 'starting';
  /** No other worker takes its place when it ends: it has to end, or it never became ready to replace another one. */
  #isSpare: boolean;
  #contacts: Contacts = {};
  /** counted in checks, so that a machine that slept kills nobody */
  #silentChecks = 0;
  #failure: LinkgateError | undefined;
  #hasEnded = false;

  constructor(options: SupervisedWorkerOptions) {
    this.pid = options.process.pid ?? 0;
    this.#options = options;
    this.#process = options.process;
    this.#isSpare = options.isSpare;
  }

  get state(): WorkerState {
    return this.#state;
  }

  /**
   * Resolves when it is ready.
   * @throws LinkgateError with the code it failed with
   */
  start({ settings, logLevel, ticketKeys, sockets }: WorkerStart): Promise<void> {
    const child = this.#process;
    const started = new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => this.kill(), START_MS);
      const end = (exitCode: number | null, signal: string | null): void => {
        clearTimeout(late);
        this.#ended(exitCode, signal, reject);
      };
      child.on('message', (message: FromWorker) => {
        this.#hear(message);
        if (message.type !== 'ready') return;
        clearTimeout(late);
        resolve();
      });
      child.on('error', (cause) => {
        this.#failure ??= cannotStart(cause);
        // a process that never ran sends no exit
        if (child.pid === undefined) end(null, null);
      });
      child.on('exit', end);
    });
    this.send({ type: 'start', settings, ticketKeys, ...(logLevel === undefined ? {} : { logLevel }) });
    this.send({ type: 'socket', listener: 'https' }, sockets.https);
    this.send({ type: 'socket', listener: 'http' }, sockets.http);
    return started;
  }

  send(message: ToWorker, handle?: SocketHandle): void {
    // a worker that is gone gets no message; its exit is reported anyway
    if (this.#process.connected) this.#process.send(message, handle as never, () => undefined);
  }

  /** What it has counted so far; rejects when `signal` aborts first. */
  measure(signal: AbortSignal): Promise<unknown> {
    const question = ++this.#lastQuestion;
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        this.#questions.delete(question);
        reject(new LinkgateError('ERR_INTERNAL', `worker ${this.#options.number} did not answer in time`));
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#questions.set(question, (snapshot) => {
        this.#questions.delete(question);
        signal.removeEventListener('abort', giveUp);
        resolve(snapshot);
      });
      this.send({ type: 'measure', question });
    });
  }

  /** how it last found an upstream */
  contact(upstream: UpstreamId): UpstreamContact | undefined {
    return this.#contacts[upstream];
  }

  /** Kills it when it hangs: a silent worker serves nobody, and its exit starts the next one. */
  check(): void {
    if (this.#state !== 'ready') return;
    this.#silentChecks += 1;
    if (this.#silentChecks > MOST_SILENT_CHECKS) this.kill();
  }

  /** Lets it finish what it has begun; kills it a second after its time. Never rejects. */
  async drain(time: DrainTime): Promise<void> {
    this.#leave();
    const child = this.#process;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    this.send({ type: 'drain', time });
    const late = setTimeout(() => this.kill(), time.timeoutMs + LATE_MS);
    await ended;
    clearTimeout(late);
  }

  /**
   * Lets it drain by itself: this process neither waits for its end nor ends it. Resolves when it has begun, or was killed because
   * it did not answer.
   */
  async drainAlone(time: DrainTime): Promise<void> {
    const wasReady = this.#state === 'ready';
    this.#leave();
    this.send({ type: 'drain', time });
    try {
      // a worker takes messages in order: when it answers this one, it has begun to drain
      if (wasReady) await withDeadline(LEAVE, (signal) => this.measure(signal));
      else this.kill();
    } catch {
      this.kill();
    }
    if (this.#process.connected) this.#process.disconnect();
    this.#process.unref();
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  #leave(): void {
    this.#state = 'draining';
    this.#isSpare = true;
  }

  #hear(message: FromWorker): void {
    this.#silentChecks = 0;
    switch (message.type) {
      case 'ready':
        // one that had to end while it started goes on ending
        if (this.#state === 'starting') {
          this.#isSpare = false;
          this.#state = 'ready';
        }
        this.#options.emit('worker.started', { pid: this.pid });
        break;
      case 'failed':
        this.#failure = new LinkgateError(message.code, message.message);
        break;
      case 'measured':
        this.#contacts = message.contacts;
        if (message.question === 0) this.#options.onMeasured(message.snapshot);
        else this.#questions.get(message.question)?.(message.snapshot);
        break;
    }
  }

  #ended(exitCode: number | null, signal: string | null, reject: (error: LinkgateError) => void): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const { emit, onExited, onDied, isStopping } = this.#options;
    const failure = this.#failure;
    const why = failure === undefined ? {} : { code: failure.code, message: failure.message };
    const expected = isStopping() || this.#state === 'draining';
    onExited();
    emit('worker.exited', { pid: this.pid, exitCode, signal, expected, ...why });
    const how = `worker ${this.pid} ended before it was ready (${signal ?? exitCode})`;
    reject(failure ?? new LinkgateError('ERR_INTERNAL', how));
    if (!this.#isSpare) onDied();
  }
}
