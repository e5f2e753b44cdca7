// Lines → file descriptor, without ever holding a click or the end of the process up: a reader that stops reading, a
// pipe that broke and a full disk cost log lines and nothing else. (pino's own destination tries a failing
// synchronous write for ever, so that a process with a full disk under its log does not end.)

import { write, writeSync } from 'node:fs';

/** While nobody reads, this much is kept; then new lines are dropped. */
const LARGEST_BACKLOG_BYTES = 4 * 1024 * 1024;

/** One write of at most PIPE_BUF bytes reaches a pipe whole or not at all, so that lines of several processes never mix. */
const PIPE_BUF = 4096;

const RETRY_MS = 50;

/** How long the end of the process may wait for the reader. */
const LAST_FLUSH_MS = 500;

export interface LogWriter {
  write(line: string): void;
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

/** Lines still in memory when the process ends are written then. */
export const createLogWriter = (fd: number): LogWriter => {
  let lines: Buffer[] = [];
  let bytes = 0;
  let writing = false;
  let planned = false;

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
    return batch;
  };

  const putBack = (rest: Buffer): void => {
    lines.unshift(rest);
    bytes += rest.length;
  };

  const pump = (): void => {
    if (writing || lines.length === 0) return;
    writing = true;
    const batch = nextBatch();
    write(fd, batch, (error, written) => {
      writing = false;
      if (codeOf(error) === 'EAGAIN') {
        // the pipe is full
        putBack(batch);
        setTimeout(pump, RETRY_MS).unref();
        return;
      }
      // any other error: these lines are lost, the next may find room again
      if (error === null && written < batch.length) putBack(batch.subarray(written));
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
        const written = writeSync(fd, batch);
        if (written < batch.length) putBack(batch.subarray(written));
      } catch (error) {
        if (codeOf(error) !== 'EAGAIN') continue;
        putBack(batch);
        pause(RETRY_MS / 5);
      }
    }
  };

  process.once('exit', flush);
  return {
    write: (line) => {
      const next = Buffer.from(line);
      if (bytes + next.length > LARGEST_BACKLOG_BYTES) return;
      lines.push(next);
      bytes += next.length;
      plan();
    },
    flush,
  };
};
