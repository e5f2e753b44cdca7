// The logger: JSON lines with a level, the name of an event, and fields without what looks like a secret. The only file
// that uses pino.

import { pino, stdTimeFunctions } from 'pino';
import { LinkgateError } from '../../core/errors.ts';
import type { EventName } from '../../core/events.ts';
import { isLogLevel, LOG_LEVELS } from '../../core/log-level.ts';
import { createLogOutput, type LogTarget } from './log-output.ts';
import { scrubFields } from './scrub.ts';

/** Names a line: the event that it tells of, or what happened to the log itself, which no event can tell. */
type LineName = EventName | 'level.refused' | 'log.failed';

type Write = (event: LineName, fields: Readonly<Record<string, unknown>>, message: string) => void;

/** The logger as the rest of the program sees it. A field named `error` is written with its code and its causes. */
export interface Logger {
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
  /** whether lines of this level are written; for callers whose lines are expensive to make */
  writes(level: 'debug' | 'info' | 'warn' | 'error'): boolean;
  /** changes the level; an unknown level changes nothing */
  setLevel(level: string): void;
  /** changes the file or the format */
  setTarget(target: LogTarget): void;
  /** opens the log file again, after it was moved away */
  reopen(): void;
  /** writes the lines that are still in memory; the end of the process does this too */
  flush(): void;
}

export interface LoggerOptions {
  readonly role: 'supervisor' | 'worker';
  /** LINKGATE_LOG_LEVEL; absent: info; unknown: info and a warning */
  readonly level?: string | undefined;
  /** absent: JSON on stdout */
  readonly target?: LogTarget;
  /** gets each line instead of the target */
  readonly destination?: { write(line: string): void };
  /** called with the number of lines that could not be written */
  readonly onDropped?: (lines: number) => void;
}

const LONGEST_CAUSE_CHAIN = 5;

/** An error as the log shows it: its code, how to fix it, and its causes. Only errors that are bugs have a stack. */
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
              'log lines were lost: nobody read them, or the disk was full',
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
