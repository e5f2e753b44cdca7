// The logger: JSON lines with a level, an event's name and fields, each cleared of what looks like a secret. The one place
// that knows pino.

import { pino, stdTimeFunctions } from 'pino';
import { LinkgateError } from '../../core/errors.ts';
import type { EventName } from '../../core/events.ts';
import { isLogLevel, LOG_LEVELS } from '../../core/log-level.ts';
import { createLogOutput, type LogTarget } from './log-output.ts';
import { scrubFields } from './scrub.ts';

/** Names a line: the event that it tells of, or what happened to the log itself, which no event can tell. */
type LineName = EventName | 'level.refused' | 'log.failed';

type Write = (event: LineName, fields: Readonly<Record<string, unknown>>, message: string) => void;

/** What the rest of the program may know of a logger. A field named `error` is written with code and causes. */
export interface Logger {
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
  /** whether lines of this level are written; for whoever would have to make them first */
  writes(level: 'debug' | 'info' | 'warn' | 'error'): boolean;
  /** from now on; a level that is none changes nothing */
  setLevel(level: string): void;
  /** takes up another file or format */
  setTarget(target: LogTarget): void;
  /** opens the log file anew, after it was moved away */
  reopen(): void;
  /** writes out what is still in memory; a process that ends does so by itself */
  flush(): void;
}

export interface LoggerOptions {
  readonly role: 'supervisor' | 'worker';
  /** LINKGATE_LOG_LEVEL; info when absent, info and a warning when it is no level */
  readonly level?: string | undefined;
  /** JSON on stdout when absent */
  readonly target?: LogTarget;
  /** takes each line in place of the target */
  readonly destination?: { write(line: string): void };
  /** lines that could not be written, counted */
  readonly onDropped?: (lines: number) => void;
}

const LONGEST_CAUSE_CHAIN = 5;

/** An error as a log shows it: what callers switch on, how to mend it, why. Stacks only of errors that are bugs. */
const describeError = (error: unknown): Record<string, unknown> => {
  const causes: string[] = [];
  let cause = error instanceof Error ? error.cause : undefined;
  while (cause !== undefined && causes.length < LONGEST_CAUSE_CHAIN) {
    causes.push(cause instanceof Error ? cause.message : String(cause));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  const known = error instanceof LinkgateError && error.code !== 'ERR_INTERNAL';
  return {
    message: error instanceof Error ? error.message : String(error),
    ...(error instanceof LinkgateError ? { code: error.code, help: error.entry.help } : {}),
    ...(causes.length === 0 ? {} : { causes }),
    ...(known || !(error instanceof Error) ? {} : { stack: error.stack }),
  };
};

export const createLogger = (options: LoggerOptions): Logger => {
  const { role, level, target = {}, destination, onDropped } = options;
  const known = level !== undefined && isLogLevel(level);
  const output =
    destination === undefined
      ? createLogOutput({
          target,
          onFailed: (file, cause) =>
            logger.error('log.failed', { file, cause }, 'log file cannot be written: lines go to stdout'),
          onRoom: (lines) =>
            logger.warn(
              'log.dropped',
              { lines },
              'log lines were lost: nobody took them, or the disk was full',
            ),
          ...(onDropped === undefined ? {} : { onDropped }),
        })
      : undefined;
  const log = pino(
    {
      level: known ? level : 'info',
      base: { role, pid: process.pid },
      messageKey: 'message',
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination ?? { write: (line) => output?.write(line) },
  );
  const writeAt =
    (at: 'debug' | 'info' | 'warn' | 'error'): Write =>
    (event, { error, ...fields }, message) => {
      if (!log.isLevelEnabled(at)) return;
      const described = error === undefined ? {} : { error: describeError(error) };
      log[at]({ event, ...scrubFields({ ...fields, ...described }) }, message);
    };
  const logger: Logger = {
    debug: writeAt('debug'),
    info: writeAt('info'),
    warn: writeAt('warn'),
    error: writeAt('error'),
    writes: (at) => log.isLevelEnabled(at),
    setLevel: (wanted) => {
      if (isLogLevel(wanted)) log.level = wanted;
    },
    setTarget: (wanted) => output?.open(wanted),
    reopen: () => output?.reopen(),
    flush: () => output?.flush(),
  };
  if (level !== undefined && level !== '' && !known) {
    logger.warn(
      'level.refused',
      { unknown: level.slice(0, 40), levels: LOG_LEVELS },
      'log level is unknown: info is used',
    );
  }
  return logger;
};
