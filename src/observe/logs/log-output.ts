// Where log lines go: stdout, or a file that can be moved away and opened anew (SIGUSR1). A file that cannot be opened costs
// nothing but its place: lines go to stdout until it can.

import { closeSync, constants, fchmodSync, openSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { Settings } from '../../core/settings.ts';
import { prettyLine } from './log-pretty.ts';
import { createLogWriter, type LogWriterOptions } from './log-writer.ts';

export type LogTarget = Pick<Settings['log'], 'file' | 'format'>;

export interface LogOutputOptions extends LogWriterOptions {
  readonly target: LogTarget;
  /** told when the file cannot be opened; it is tried again every ten seconds */
  readonly onFailed: (file: string, cause: string) => void;
  /** how long until it is tried again (10 s) */
  readonly retryMs?: number;
  readonly env?: NodeJS.ProcessEnv;
}

export interface LogOutput {
  /** a line of JSON with its line end */
  write(json: string): void;
  flush(): void;
  /** takes up a new target; the same one again opens the file anew */
  open(target: LogTarget): void;
  /** opens the file anew, after it was moved away */
  reopen(): void;
}

const STDOUT = 1;
const RETRY_MS = 10_000;

/** Group may read: who collects logs is seldom who writes them. */
const MODE = 0o640;

/** Appending, so that several processes share one file; a pipe nobody reads does not hold us up. */
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK;

const isAbsent = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';
const isThere = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EEXIST';

/**
 * Opens a file to write lines to; one that is there keeps its mode and its owner.
 * @throws the system's error
 */
const openLog = (file: string): number => {
  try {
    return openSync(file, FLAGS);
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
  try {
    const fd = openSync(file, FLAGS | constants.O_CREAT | constants.O_EXCL, MODE);
    try {
      // whatever the umask says
      fchmodSync(fd, MODE);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return fd;
  } catch (error) {
    // another of our processes was faster
    if (isThere(error)) return openSync(file, FLAGS);
    throw error;
  }
};

export const createLogOutput = (options: LogOutputOptions): LogOutput => {
  const { onFailed, retryMs = RETRY_MS, env = process.env } = options;
  const writer = createLogWriter(STDOUT, options);
  let { target } = options;
  let isPretty = false;
  let colour = false;
  let retry: NodeJS.Timeout | undefined;
  let told = false;

  const open = (wanted: LogTarget): void => {
    if (wanted.file !== target.file) told = false;
    target = wanted;
    clearTimeout(retry);
    const { file } = wanted;
    let fd = STDOUT;
    if (file !== undefined) {
      try {
        fd = openLog(file);
        told = false;
      } catch (error) {
        retry = setTimeout(() => open(target), retryMs);
        retry.unref();
        // after this turn: whoever is told writes a line itself
        if (!told) queueMicrotask(() => onFailed(file, (error as Error).message));
        told = true;
      }
    }
    const isTerminal = isatty(fd);
    // nothing but a person reads a terminal
    isPretty = (wanted.format ?? (isTerminal ? 'pretty' : 'json')) === 'pretty';
    colour = isTerminal && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
    writer.redirect(fd);
  };
  open(target);

  return {
    write: (json) => writer.write(isPretty ? prettyLine(json, colour) : json),
    flush: () => writer.flush(),
    open,
    reopen: () => {
      if (target.file !== undefined) open(target);
    },
  };
};
