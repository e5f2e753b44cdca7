// Where log lines go: to stdout, or to a file that is opened again after it was moved away (SIGUSR1). While the file cannot be opened,
// the lines go to stdout.

import { closeSync, constants, fchmodSync, openSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { Settings } from '../../core/settings.ts';
import { prettyLine } from './log-pretty.ts';
import { createLogWriter, type LogWriterOptions } from './log-writer.ts';

export type LogTarget = Pick<Settings['log'], 'file' | 'format'>;

export interface LogOutputOptions extends LogWriterOptions {
  readonly target: LogTarget;
  /** called when the file cannot be opened, which is tried again every ten seconds */
  readonly onFailed: (file: string, cause: string) => void;
  /** the time until the next try (10 s) */
  readonly retryMs?: number;
  readonly env?: NodeJS.ProcessEnv;
}

export interface LogOutput {
  /** a line of JSON with its line end */
  write(json: string): void;
  flush(): void;
  /** uses a new target; with the same one it opens the file again */
  open(target: LogTarget): void;
  /** opens the file again, after it was moved away */
  reopen(): void;
}

const STDOUT = 1;
const RETRY_MS = 10_000;

/** The group may read: the program that collects logs is seldom the one that writes them. */
const MODE = 0o640;

/** O_APPEND: several processes share one file. O_NONBLOCK: a pipe that nobody reads does not stop the process. */
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK;

const isAbsent = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';
const isThere = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EEXIST';

/**
 * Opens a file for lines; a file that exists keeps its mode and its owner.
 * @throws the error of the system
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
      // The umask must not change it.
      fchmodSync(fd, MODE);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return fd;
  } catch (error) {
    // Another process of linkgate was faster.
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
        // After this turn: `onFailed` writes a line itself.
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
