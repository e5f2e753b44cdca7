// Lines → file descriptor, without ever holding a click or the end of the process up: a reader that stops reading, a
// pipe that broke and a full disk cost log lines and nothing else. (pino's own destination tries a failing
// synchronous write for ever, so that a process with a full disk under its log does not end.)

import { close, write, writeSync } from 'node:fs';

/** While nobody reads, this much is kept; then new lines are dropped. */
const LARGEST_BACKLOG_BYTES = 4 * 1024 * 1024;

/** One write of at most PIPE_BUF bytes reaches a pipe whole or not at all, so that lines of several processes never mix. */
const PIPE_BUF = 4096;

const RETRY_MS = 50;

/** How long the end of the process may wait for the reader. */
const LAST_FLUSH_MS = 500;

/** The lines that were lost are told this often at most. */
const TELL_MS = 10_000;

export interface LogWriter {
  write(line: string): void;
  /** from now on lines go there; the file before it is closed, unless it is stdout or stderr */
  redirect(fd: number): void;
  /**
   * Writes what is in memory before it returns, as far as the reader takes it within half a second. A batch that
   * another thread is writing at this moment is finished by that thread, at the latest when the process ends.
   */
  flush(): void;
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | null)?.code;

/** Blocks the thread; only for the end of the process. */
const pause = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
};

export interface LogWriterOptions {
  /** lines are lost at this moment: count them, and write nothing */
  readonly onDropped?: (lines: number) => void;
  /** something could be written again; so many were lost before it. Every ten seconds at most */
  readonly onRoom?: (lost: number) => void;
}

const NEWLINE = 0x0a;

const countLines = (batch: Buffer): number => {
  let count = 0;
  for (let at = batch.indexOf(NEWLINE); at !== -1; at = batch.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
};

/** Lines still in memory when the process ends are written then. */
export const createLogWriter = (first: number, { onDropped, onRoom }: LogWriterOptions = {}): LogWriter => {
  let fd = first;
  let lines: Buffer[] = [];
  let bytes = 0;
  let writing = false;
  let planned = false;
  /** half a line stands at the end of the file: what comes next must not be glued to it */
  let torn = false;
  /** the last write ended within a line, whose rest comes next */
  let cut = false;
  let dropped = 0;
  let toldMs = -Infinity;
  const left: number[] = [];

  const closeLeft = (): void => {
    for (const old of left.splice(0)) close(old, () => undefined);
  };

  const drop = (batch: Buffer): void => {
    const count = countLines(batch);
    dropped += count;
    onDropped?.(count);
  };

  /** A whole line is out: there is room again. */
  const tell = (): void => {
    if (dropped === 0 || performance.now() - toldMs < TELL_MS) return;
    toldMs = performance.now();
    const count = dropped;
    dropped = 0;
    onRoom?.(count);
  };

  const nextBatch = (): Buffer => {
    let count = 0;
    let size = 0;
    for (const line of lines) {
      if (count > 0 && size + line.length > PIPE_BUF) break;
      count += 1;
      size += line.length;
    }
    const batch = Buffer.concat(lines.slice(0, count), size);
    lines = lines.slice(count);
    bytes -= size;
    if (!torn) return batch;
    torn = false;
    return Buffer.concat([Buffer.of(NEWLINE), batch]);
  };

  const putBack = (rest: Buffer): void => {
    lines.unshift(rest);
    bytes += rest.length;
  };

  /** What one write came to; a full pipe is not among it. */
  const settle = (batch: Buffer, written: number, failed: boolean): void => {
    if (failed) {
      // these lines are lost, the next may find room again
      drop(batch);
      torn = cut || batch[0] === NEWLINE;
      cut = false;
      return;
    }
    cut = written < batch.length && batch[written - 1] !== NEWLINE;
    if (written < batch.length) putBack(batch.subarray(written));
    else tell();
  };

  const pump = (): void => {
    if (writing || lines.length === 0) return;
    writing = true;
    const batch = nextBatch();
    write(fd, batch, (error, written) => {
      writing = false;
      closeLeft();
      if (codeOf(error) === 'EAGAIN') {
        // the pipe is full
        putBack(batch);
        setTimeout(pump, RETRY_MS).unref();
        return;
      }
      settle(batch, written, error !== null);
      pump();
    });
  };

  // not before the end of this turn: its lines share a write, and a process that exits in it flushes them in order
  const plan = (): void => {
    if (planned) return;
    planned = true;
    setImmediate(() => {
      planned = false;
      pump();
    });
  };

  const flush = (): void => {
    const end = performance.now() + LAST_FLUSH_MS;
    while (lines.length > 0 && performance.now() < end) {
      const batch = nextBatch();
      try {
        settle(batch, writeSync(fd, batch), false);
      } catch (error) {
        if (codeOf(error) !== 'EAGAIN') settle(batch, 0, true);
        else {
          putBack(batch);
          pause(RETRY_MS / 5);
        }
      }
    }
  };

  process.once('exit', flush);
  return {
    write: (line) => {
      const next = Buffer.from(line);
      if (bytes + next.length > LARGEST_BACKLOG_BYTES) {
        drop(next);
        return;
      }
      lines.push(next);
      bytes += next.length;
      plan();
    },
    redirect: (next) => {
      if (fd > 2) left.push(fd);
      fd = next;
      cut = false;
      torn = false;
      if (!writing) closeLeft();
    },
    flush,
  };
};
