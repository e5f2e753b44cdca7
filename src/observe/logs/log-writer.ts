// Lines → file descriptor. It never delays a click or the end of the process: a reader that stops reading, a broken pipe and a
// full disk cost log lines and nothing else. (pino's own destination repeats a failing synchronous write for ever, so that a
// process whose log is on a full disk does not end.)

import { close, write, writeSync } from 'node:fs';

/** This much is kept while nobody reads; then new lines are dropped. */
const LARGEST_BACKLOG_BYTES = 4 * 1024 * 1024;

/** One write of at most PIPE_BUF bytes reaches a pipe whole or not at all, so that lines of several processes never mix. */
const PIPE_BUF = 4096;

const RETRY_MS = 50;

/** How long the end of the process may wait for the reader. */
const LAST_FLUSH_MS = 500;

/** The number of lost lines is reported once in this time at most. */
const TELL_MS = 10_000;

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | null)?.code;

/** Blocks the thread; only for the end of the process. */
const pause = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
};

export interface LogWriterOptions {
  /** called when lines are lost: may count them, must not write a line */
  readonly onDropped?: (lines: number) => void;
  /** called when a line could be written again, with the number of lines lost before; once in ten seconds at most */
  readonly onRoom?: (lost: number) => void;
}

const NEWLINE = 0x0a;

const countLines = (batch: Buffer): number => {
  let count = 0;
  for (let at = batch.indexOf(NEWLINE); at !== -1; at = batch.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
};

export class LogWriter {
  readonly #options: LogWriterOptions;
  #fd: number;
  #lines: Buffer[] = [];
  #bytes = 0;
  #isWriting = false;
  #isPlanned = false;
  /** half a line stands at the end of the file: the next one must not be glued to it */
  #isTorn = false;
  /** the last write ended within a line, whose rest comes next */
  #isCut = false;
  #dropped = 0;
  #toldMs = -Infinity;
  /** descriptors to close once no write uses them */
  #left: number[] = [];

  constructor(fd: number, options: LogWriterOptions) {
    this.#fd = fd;
    this.#options = options;
  }

  write(line: string): void {
    const next = Buffer.from(line);
    if (this.#bytes + next.length > LARGEST_BACKLOG_BYTES) {
      this.#drop(next);
      return;
    }
    this.#lines.push(next);
    this.#bytes += next.length;
    this.#plan();
  }

  /** From now on lines go to `fd`; the file before it is closed, unless it is stdout or stderr. */
  redirect(fd: number): void {
    if (this.#fd > 2) this.#left.push(this.#fd);
    this.#fd = fd;
    this.#isCut = false;
    this.#isTorn = false;
    if (!this.#isWriting) this.#closeLeft();
  }

  /**
   * Writes what is in memory before it returns, as far as the reader takes it within half a second. A batch that
   * another thread is writing at this moment is finished by that thread, at the latest when the process ends.
   */
  flush(): void {
    const end = performance.now() + LAST_FLUSH_MS;
    while (this.#lines.length > 0 && performance.now() < end) {
      const batch = this.#nextBatch();
      try {
        this.#settle(batch, writeSync(this.#fd, batch), false);
      } catch (error) {
        if (codeOf(error) !== 'EAGAIN') this.#settle(batch, 0, true);
        else {
          this.#putBack(batch);
          pause(RETRY_MS / 5);
        }
      }
    }
  }

  /** Not before the end of this turn: its lines share a write, and a process that exits in it flushes them in order. */
  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    setImmediate(() => {
      this.#isPlanned = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#isWriting || this.#lines.length === 0) return;
    this.#isWriting = true;
    const batch = this.#nextBatch();
    write(this.#fd, batch, (error, written) => {
      this.#isWriting = false;
      this.#closeLeft();
      if (codeOf(error) === 'EAGAIN') {
        // The pipe is full.
        this.#putBack(batch);
        setTimeout(() => this.#pump(), RETRY_MS).unref();
        return;
      }
      this.#settle(batch, written, error !== null);
      this.#pump();
    });
  }

  #nextBatch(): Buffer {
    let count = 0;
    let size = 0;
    for (const line of this.#lines) {
      if (count > 0 && size + line.length > PIPE_BUF) break;
      count += 1;
      size += line.length;
    }
    const batch = Buffer.concat(this.#lines.slice(0, count), size);
    this.#lines = this.#lines.slice(count);
    this.#bytes -= size;
    if (!this.#isTorn) return batch;
    this.#isTorn = false;
    return Buffer.concat([Buffer.of(NEWLINE), batch]);
  }

  #putBack(rest: Buffer): void {
    this.#lines.unshift(rest);
    this.#bytes += rest.length;
  }

  /** Takes the result of one write; a full pipe is no result. */
  #settle(batch: Buffer, written: number, failed: boolean): void {
    if (failed) {
      // These lines are lost, the next may find room again.
      this.#drop(batch);
      this.#isTorn = this.#isCut || batch[0] === NEWLINE;
      this.#isCut = false;
      return;
    }
    this.#isCut = written < batch.length && batch[written - 1] !== NEWLINE;
    if (written < batch.length) this.#putBack(batch.subarray(written));
    else this.#tellRoom();
  }

  #drop(batch: Buffer): void {
    const count = countLines(batch);
    this.#dropped += count;
    this.#options.onDropped?.(count);
  }

  /** A whole line was written: there is room again. */
  #tellRoom(): void {
    if (this.#dropped === 0 || performance.now() - this.#toldMs < TELL_MS) return;
    this.#toldMs = performance.now();
    const count = this.#dropped;
    this.#dropped = 0;
    this.#options.onRoom?.(count);
  }

  #closeLeft(): void {
    for (const fd of this.#left.splice(0)) close(fd, () => undefined);
  }
}

/** A writer to `fd`. Lines that are still in memory when the process ends are written then. */
export const createLogWriter = (fd: number, options: LogWriterOptions = {}): LogWriter => {
  const writer = new LogWriter(fd, options);
  process.once('exit', () => writer.flush());
  return writer;
};
