// The workers from the supervisor's side: started, watched, replaced when they die, drained at the end. A worker that dies
// takes only its open connections along; one that dies young is replaced after growing pauses.

import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../core/platform/clock.ts';
import { LinkgateError } from '../../core/errors.ts';
import type { Emit, Listener } from '../../core/events.ts';
import type { Settings, UpstreamId } from '../../core/settings.ts';
import type { UpstreamContact } from '../../core/upstream-contact.ts';
import { handedOver, withoutSuccessor } from '../drain-times.ts';
import { workerArgs } from '../worker/worker-heap.ts';
import type { DrainTime } from '../../serve/listeners.ts';
import type { SocketHandle } from './held-socket.ts';
import type { Contacts, FromWorker, ToWorker } from '../messages.ts';
import type { SettingsChange } from '../settings-change.ts';

/** A worker that is not ready this long after its start is killed. */
const START_MS = 30_000;
/** A worker that lived this long did not die of its start. */
const STABLE_MS = 10_000;
const SHORTEST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 30_000;
/** Workers tell what they have counted every two seconds; one that misses this many looks in a row hangs. */
const LOOK_MS = 5_000;
const MOST_SILENT_LOOKS = 3;
/** How long a reload waits for workers to take it up. */
const APPLY_MS = 2_000;
/** How long a worker may take to begin to drain when this process does not stay for its end. */
const LEAVE_MS = 2_000;

export type WorkerState = 'starting' | 'ready' | 'draining';

export interface WorkersOptions {
  readonly settings: Settings;
  readonly sockets: Readonly<Record<Listener, SocketHandle>>;
  /** LINKGATE_LOG_LEVEL where it is set */
  readonly logLevel?: string;
  readonly emit: Emit;
  readonly clock: Clock;
  /** how often workers are looked at (5 s) */
  readonly lookMs?: number;
  /** a worker's number is never used again; the system gives a pid out anew */
  readonly onStarted: (worker: number) => void;
  readonly onExited: (worker: number) => void;
  /** a worker told by itself what it has counted */
  readonly onMeasured: (worker: number, snapshot: unknown) => void;
}

export interface Workers {
  /**
   * Starts them all; resolves when each is ready.
   * @throws LinkgateError with the code the first worker failed with
   */
  start(): Promise<void>;
  /** whether at least one worker serves */
  isReady(): boolean;
  /** asks every worker to look at a name again */
  lookAgain(domain: string): void;
  /** asks every worker to open its log file anew */
  reopenLog(): void;
  /** what one worker has counted so far; rejects when `signal` aborts first */
  measure(worker: number, signal: AbortSignal): Promise<unknown>;
  /** what each worker last told of an upstream */
  contacts(upstream: UpstreamId): readonly UpstreamContact[];
  list(): readonly { readonly pid: number; readonly state: WorkerState }[];
  /**
   * From now on: workers that run take the change up, later ones start with all of it, and their number follows. Resolves when
   * each has taken it up, or soon after: one that hangs is replaced by one that starts with it.
   */
  apply(settings: Settings, change: SettingsChange): Promise<void>;
  /**
   * New processes for all, one by one: each old one drains when a new one is ready. Resolves when the last old one is gone.
   * @throws LinkgateError with the code of a new one that could not start; the workers that serve stay
   */
  roll(): Promise<void>;
  /** lets all drain; kills what is left a second after `timeoutMs` */
  stop(timeoutMs: number): Promise<void>;
  /** lets all drain by themselves, as others accept now; resolves when each has begun, or was ended because it did not answer */
  leave(): Promise<void>;
  /** ends all at once, requests in flight or not */
  kill(): void;
}

interface Worker {
  readonly process: ChildProcess;
  readonly startedMs: number;
  state: WorkerState;
  /** looks since it was last heard of; counted in looks, so that a machine that slept kills nobody */
  silentLooks: number;
  /** nobody takes its place when it ends: it was told to, or was to take another's place and never could */
  isSpare: boolean;
  contacts: Contacts;
}

/** `dist/app/worker/worker-process.js`; the source's own file where tests run the source. */
const WORKER_PROCESS = fileURLToPath(
  new URL(`../worker/worker-process.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url),
);

export const createWorkers = (options: WorkersOptions): Workers => {
  const { sockets, emit, clock } = options;
  let { settings } = options;
  const workers = new Map<number, Worker>();
  const questions = new Map<number, (snapshot: unknown) => void>();
  const stopped = new AbortController();
  let lastWorker = 0;
  let lastQuestion = 0;
  let diedYoung = 0;
  /** replacements that wait before they are tried */
  let pausing = 0;
  let started = false;

  const send = ({ process: child }: Worker, message: ToWorker, handle?: SocketHandle): void => {
    // a worker that is gone cannot be told; its exit is heard anyway
    if (child.connected) child.send(message, handle as never, () => undefined);
  };

  const measured = (
    worker: number,
    { question, snapshot, contacts }: FromWorker & { type: 'measured' },
  ): void => {
    const known = workers.get(worker);
    if (known !== undefined) known.contacts = contacts;
    if (question === 0) options.onMeasured(worker, snapshot);
    else questions.get(question)?.(snapshot);
  };

  /** `isSpare`: it is to take the place of a worker that serves; if it cannot start, that one stays */
  const startOne = async (isSpare = false): Promise<void> => {
    const number = ++lastWorker;
    let child: ChildProcess;
    try {
      const execArgv = [...workerArgs(process.execArgv, process.env['NODE_OPTIONS'])];
      child = fork(WORKER_PROCESS, [], { serialization: 'advanced', execArgv });
    } catch (cause) {
      // no memory for a process: as one that died at once
      diedYoung += 1;
      if (started && !isSpare) void replace();
      throw new LinkgateError('ERR_INTERNAL', 'worker process cannot be started', { cause });
    }
    const pid = child.pid ?? 0;
    const startedMs = clock.now();
    const worker: Worker = {
      process: child,
      startedMs,
      state: 'starting',
      silentLooks: 0,
      contacts: {},
      isSpare,
    };
    workers.set(number, worker);
    options.onStarted(number);
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => child.kill('SIGKILL'), START_MS);
      let failure: LinkgateError | undefined;
      let over = false;
      const ended = (exitCode: number | null, signal: string | null): void => {
        if (over) return;
        over = true;
        clearTimeout(late);
        workers.delete(number);
        options.onExited(number);
        const why = failure === undefined ? {} : { code: failure.code, message: failure.message };
        const expected = stopped.signal.aborted || worker.state === 'draining';
        emit('worker.exited', { pid, exitCode, signal, expected, ...why });
        reject(
          failure ??
            new LinkgateError(
              'ERR_INTERNAL',
              `worker ${pid} ended before it was ready (${signal ?? exitCode})`,
            ),
        );
        if (worker.isSpare) return;
        diedYoung = clock.now() - worker.startedMs < STABLE_MS ? diedYoung + 1 : 0;
        // at the first start a worker that fails is reported by start(), not replaced
        if (started) void replace();
      };
      child.on('message', (message: FromWorker) => {
        worker.silentLooks = 0;
        if (message.type === 'ready') {
          clearTimeout(late);
          worker.isSpare = false;
          // told to end while it started: it stays on its way out
          if (worker.state === 'starting') worker.state = 'ready';
          emit('worker.started', { pid });
          resolve();
        } else if (message.type === 'failed') {
          failure = new LinkgateError(message.code, message.message);
        } else {
          measured(number, message);
        }
      });
      child.on('error', (cause) => {
        failure ??= new LinkgateError('ERR_INTERNAL', 'worker process cannot be started', { cause });
        // a process that never was has no exit to hear
        if (child.pid === undefined) ended(null, null);
      });
      child.on('exit', ended);
      const { logLevel } = options;
      send(worker, { type: 'start', settings, ...(logLevel === undefined ? {} : { logLevel }) });
      send(worker, { type: 'socket', listener: 'https' }, sockets.https);
      send(worker, { type: 'socket', listener: 'http' }, sockets.http);
    });
  };

  const replace = async (): Promise<void> => {
    // the first death costs nobody a pause
    if (diedYoung > 1) {
      const pauseMs = Math.min(SHORTEST_PAUSE_MS * 2 ** (diedYoung - 2), LONGEST_PAUSE_MS);
      pausing += 1;
      await clock.sleep(pauseMs, stopped.signal);
      pausing -= 1;
    }
    // a reload may want fewer by now
    if (stopped.signal.aborted || serving().length >= settings.workers) return;
    // whatever fails has asked for its own replacement
    await startOne().catch(() => undefined);
  };

  /** Lets one worker finish what it has begun; kills it a second after its time. Never rejects. */
  const retire = async (worker: Worker, time: DrainTime): Promise<void> => {
    worker.state = 'draining';
    worker.isSpare = true;
    const { process: child } = worker;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    send(worker, { type: 'drain', time });
    const late = setTimeout(() => child.kill('SIGKILL'), time.timeoutMs + 1_000);
    await ended;
    clearTimeout(late);
  };

  const serving = (): readonly Worker[] => [...workers.values()].filter(({ state }) => state !== 'draining');

  /** Starts what is missing, and lets the youngest of too many go. */
  const resize = (): void => {
    const now = serving();
    const missing = settings.workers - now.length - pausing;
    for (let more = missing; more > 0; more -= 1) void replace();
    for (const worker of now.slice(settings.workers)) void retire(worker, handedOver(settings.drainMs));
  };

  const measure: Workers['measure'] = (number, signal) =>
    new Promise((resolve, reject) => {
      const worker = workers.get(number);
      const question = ++lastQuestion;
      const done = (): void => {
        questions.delete(question);
      };
      questions.set(question, (snapshot) => {
        done();
        resolve(snapshot);
      });
      signal.addEventListener(
        'abort',
        () => {
          done();
          reject(new LinkgateError('ERR_INTERNAL', `worker ${number} did not answer in time`));
        },
        { once: true },
      );
      if (worker !== undefined) send(worker, { type: 'measure', question });
    });

  /** Ends what hangs: a worker that says nothing serves nobody, and its exit brings the next one. */
  const look = (): void => {
    for (const worker of workers.values()) {
      if (worker.state !== 'ready') continue;
      worker.silentLooks += 1;
      if (worker.silentLooks > MOST_SILENT_LOOKS) worker.process.kill('SIGKILL');
    }
  };
  let looking: NodeJS.Timeout | undefined;

  return {
    start: async () => {
      const outcomes = await Promise.allSettled(Array.from({ length: settings.workers }, startOne));
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
      started = true;
      looking = setInterval(look, options.lookMs ?? LOOK_MS);
      looking.unref();
      // one that was ready and died before the slowest was
      resize();
    },
    isReady: () => [...workers.values()].some(({ state }) => state === 'ready'),
    lookAgain: (domain) => {
      for (const worker of workers.values()) send(worker, { type: 'look-again', domain });
    },
    reopenLog: () => {
      for (const worker of workers.values()) send(worker, { type: 'reopen-log' });
    },
    measure,
    contacts: (upstream) => [...workers.values()].flatMap(({ contacts }) => contacts[upstream] ?? []),
    list: () =>
      [...workers.values()].map((worker) => ({ pid: worker.process.pid ?? 0, state: worker.state })),
    apply: async (wanted, change) => {
      settings = wanted;
      for (const worker of workers.values()) send(worker, { type: 'settings', change });
      resize();
      // messages are taken in order: who answers this one has taken the one before
      const over = AbortSignal.timeout(APPLY_MS);
      await Promise.allSettled([...workers.keys()].map((number) => measure(number, over)));
    },
    roll: async () => {
      const leaving: Promise<void>[] = [];
      for (const worker of serving()) {
        if (stopped.signal.aborted) break;
        await startOne(true);
        leaving.push(retire(worker, handedOver(settings.drainMs)));
      }
      // one of them may have died meanwhile, and have been replaced already
      resize();
      await Promise.all(leaving);
    },
    stop: async (timeoutMs) => {
      stopped.abort();
      clearInterval(looking);
      await Promise.all([...workers.values()].map((worker) => retire(worker, withoutSuccessor(timeoutMs))));
    },
    leave: async () => {
      stopped.abort();
      clearInterval(looking);
      const leaving = [...workers].map(async ([number, worker]) => {
        const { process: child } = worker;
        const isReady = worker.state === 'ready';
        worker.state = 'draining';
        worker.isSpare = true;
        send(worker, { type: 'drain', time: handedOver(settings.drainMs) });
        try {
          // messages are taken in order: who answers this one has begun
          if (isReady) await measure(number, AbortSignal.timeout(LEAVE_MS));
          else child.kill('SIGKILL');
        } catch {
          child.kill('SIGKILL');
        }
        // it ends by itself, and this process neither waits nor ends it
        workers.delete(number);
        if (child.connected) child.disconnect();
        child.unref();
      });
      await Promise.all(leaving);
    },
    kill: () => {
      stopped.abort();
      clearInterval(looking);
      for (const worker of workers.values()) worker.process.kill('SIGKILL');
    },
  };
};
