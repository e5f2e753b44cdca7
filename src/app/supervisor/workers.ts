// All workers of a supervisor: as many as the settings say, each replaced when it dies. A worker that dies takes only its open
// connections along; one that dies young is replaced after growing pauses. The life of one of them is supervised-worker.ts.

import type { ChildProcess } from 'node:child_process';
import { LinkgateError } from '../../core/errors.ts';
import type { Emit, Listener } from '../../core/events.ts';
import type { Clock } from '../../core/platform/clock.ts';
import { withDeadline } from '../../core/platform/deadline.ts';
import type { Settings, UpstreamId } from '../../core/settings.ts';
import type { UpstreamContact } from '../../core/upstream-contact.ts';
import { handedOver, withoutSuccessor } from '../drain-times.ts';
import type { ToWorker } from '../messages.ts';
import type { SettingsChange } from '../settings-change.ts';
import type { SocketHandle } from './held-socket.ts';
import { forkWorker, SupervisedWorker, type WorkerState } from './supervised-worker.ts';

/** A worker that lived this long did not die of its start. */
const STABLE_MS = 10_000;
const SHORTEST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 30_000;
const CHECK_MS = 5_000;
/** How long a reload waits for workers to take it up. */
const APPLY_MS = 2_000;

export interface WorkersOptions {
  readonly settings: Settings;
  readonly sockets: Readonly<Record<Listener, SocketHandle>>;
  /** LINKGATE_LOG_LEVEL where it is set */
  readonly logLevel?: string;
  /** of TLS session tickets, as they are now */
  readonly ticketKeys: () => Buffer;
  readonly emit: Emit;
  readonly clock: Clock;
  /** how often workers are checked for one that hangs (5 s) */
  readonly checkMs?: number;
  /** a worker's number is never used again; the system gives a pid to another process */
  readonly onStarted: (worker: number) => void;
  readonly onExited: (worker: number) => void;
  /** the own report of a worker: what it has counted */
  readonly onMeasured: (worker: number, snapshot: unknown) => void;
}

export class Workers {
  readonly #options: WorkersOptions;
  readonly #workers = new Map<number, SupervisedWorker>();
  readonly #stopped = new AbortController();
  #settings: Settings;
  #lastNumber = 0;
  /** deaths in a row of workers that did not live long */
  #diedYoung = 0;
  /** replacements that wait before they are tried */
  #pausing = 0;
  #hasStarted = false;
  #checking: NodeJS.Timeout | undefined;

  constructor(options: WorkersOptions) {
    this.#options = options;
    this.#settings = options.settings;
  }

  /**
   * Starts them all; resolves when each is ready.
   * @param settings - where they changed since the constructor
   * @throws LinkgateError with the code the first worker failed with
   */
  async start(settings = this.#settings): Promise<void> {
    this.#settings = settings;
    const all = Array.from({ length: settings.workers }, () => this.#startOne());
    const failed = (await Promise.allSettled(all)).find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    this.#hasStarted = true;
    const { checkMs = CHECK_MS } = this.#options;
    this.#checking = setInterval(() => this.#check(), checkMs);
    this.#checking.unref();
    // replaces a worker that was ready and died before the slowest one was ready
    this.#resize();
  }

  /** Whether at least one worker serves. */
  isReady(): boolean {
    return [...this.#workers.values()].some(({ state }) => state === 'ready');
  }

  /** Asks every worker to read the certificate of a name again. */
  refresh(domain: string): void {
    this.#tell({ type: 'refresh', domain });
  }

  /** Asks every worker to open its log file again. */
  reopenLog(): void {
    this.#tell({ type: 'reopen-log' });
  }

  /** Gives every worker the keys of session tickets that are in force now. */
  sendTicketKeys(): void {
    this.#tell({ type: 'ticket-keys', ticketKeys: this.#options.ticketKeys() });
  }

  /** What one worker has counted so far; rejects when `signal` aborts first. */
  async measure(number: number, signal: AbortSignal): Promise<unknown> {
    const worker = this.#workers.get(number);
    if (worker === undefined) throw new LinkgateError('ERR_INTERNAL', `worker ${number} is gone`);
    return worker.measure(signal);
  }

  /** how each worker last found an upstream */
  contacts(upstream: UpstreamId): readonly UpstreamContact[] {
    return [...this.#workers.values()].flatMap((worker) => worker.contact(upstream) ?? []);
  }

  list(): readonly { readonly pid: number; readonly state: WorkerState }[] {
    return [...this.#workers.values()].map(({ pid, state }) => ({ pid, state }));
  }

  /**
   * Workers that run apply the change, later ones start with the new settings, and their number follows. Resolves when each has applied
   * the change, and after two seconds at most: a worker that hangs is replaced by one that starts with the new settings.
   */
  async apply(settings: Settings, change: SettingsChange): Promise<void> {
    this.#settings = settings;
    this.#tell({ type: 'settings', change });
    this.#resize();
    // a worker takes messages in order: when it answers this one, it has applied the change
    const late = (): Error => new Error('worker did not apply the change in time');
    const limit = { clock: this.#options.clock, limitMs: APPLY_MS, late };
    await Promise.allSettled(
      [...this.#workers.values()].map((worker) => withDeadline(limit, (signal) => worker.measure(signal))),
    );
  }

  /**
   * New processes for all, one by one: each old one drains when a new one is ready. Resolves when the last old one is gone.
   * @throws LinkgateError with the code of a new one that could not start; the workers that serve stay
   */
  async roll(): Promise<void> {
    const draining: Promise<void>[] = [];
    for (const worker of this.#serving()) {
      if (this.#stopped.signal.aborted) break;
      await this.#startOne(true);
      draining.push(worker.drain(handedOver(this.#settings.drainMs)));
    }
    // one of them may have died in the meantime and have a replacement already
    this.#resize();
    await Promise.all(draining);
  }

  /** Lets all drain; kills what is left a second after `timeoutMs`. */
  async stop(timeoutMs: number): Promise<void> {
    this.#endReplacing();
    const time = withoutSuccessor(timeoutMs);
    await Promise.all([...this.#workers.values()].map((worker) => worker.drain(time)));
  }

  /** Lets all drain by themselves, because other workers accept now; resolves when each has begun, or was killed because it did not answer. */
  async leave(): Promise<void> {
    this.#endReplacing();
    const time = handedOver(this.#settings.drainMs);
    const leaving = [...this.#workers].map(async ([number, worker]) => {
      await worker.drainAlone(time);
      this.#workers.delete(number);
    });
    await Promise.all(leaving);
  }

  /** Ends all at once, requests in flight or not. */
  kill(): void {
    this.#endReplacing();
    for (const worker of this.#workers.values()) worker.kill();
  }

  #tell(message: ToWorker): void {
    for (const worker of this.#workers.values()) worker.send(message);
  }

  #serving(): readonly SupervisedWorker[] {
    return [...this.#workers.values()].filter(({ state }) => state !== 'draining');
  }

  /** @param isSpare - it is started to take the place of a worker that serves; if it cannot start, that worker stays */
  async #startOne(isSpare = false): Promise<void> {
    const { emit, clock, logLevel, ticketKeys, sockets, onStarted, onExited, onMeasured } = this.#options;
    const number = ++this.#lastNumber;
    let child: ChildProcess;
    try {
      child = forkWorker();
    } catch (error) {
      if (!isSpare) this.#replaceDead(0);
      throw error;
    }
    const startedMs = clock.now();
    const worker = new SupervisedWorker({
      number,
      process: child,
      isSpare,
      emit,
      isStopping: () => this.#stopped.signal.aborted,
      onMeasured: (snapshot) => onMeasured(number, snapshot),
      onExited: () => {
        this.#workers.delete(number);
        onExited(number);
      },
      onDied: () => this.#replaceDead(clock.now() - startedMs),
    });
    this.#workers.set(number, worker);
    onStarted(number);
    return worker.start({ settings: this.#settings, logLevel, ticketKeys: ticketKeys(), sockets });
  }

  #replaceDead(livedMs: number): void {
    this.#diedYoung = livedMs < STABLE_MS ? this.#diedYoung + 1 : 0;
    // start() reports a worker that fails at the first start, and does not replace it
    if (this.#hasStarted) void this.#replace();
  }

  async #replace(): Promise<void> {
    // no pause after the first death
    if (this.#diedYoung > 1) {
      const pauseMs = Math.min(SHORTEST_PAUSE_MS * 2 ** (this.#diedYoung - 2), LONGEST_PAUSE_MS);
      this.#pausing += 1;
      await this.#options.clock.sleep(pauseMs, this.#stopped.signal);
      this.#pausing -= 1;
    }
    // a reload may want fewer by now
    if (this.#stopped.signal.aborted || this.#serving().length >= this.#settings.workers) return;
    // a worker that fails has started its own replacement already
    await this.#startOne().catch(() => undefined);
  }

  /** Starts the missing workers, and drains the youngest where there are too many. */
  #resize(): void {
    const { workers: wanted, drainMs } = this.#settings;
    const now = this.#serving();
    for (let more = wanted - now.length - this.#pausing; more > 0; more -= 1) void this.#replace();
    for (const worker of now.slice(wanted)) void worker.drain(handedOver(drainMs));
  }

  #check(): void {
    for (const worker of this.#workers.values()) worker.check();
  }

  #endReplacing(): void {
    this.#stopped.abort();
    clearInterval(this.#checking);
  }
}
