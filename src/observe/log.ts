// JSON lines on stdout: one per event worth reading. Requests are not among them, and their targets never are: a click
// path is a credential. The one place that knows pino.

import { pino, stdTimeFunctions } from 'pino';
import type { Clock } from '../core/clock.ts';
import { ERRORS, GateError } from '../core/errors.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { EventBus } from '../core/events.ts';
import { isLogLevel, LOG_LEVELS } from '../core/log-level.ts';
import { createLogWriter } from './log-writer.ts';

type Write = (fields: Readonly<Record<string, unknown>>, message: string) => void;

/** What the rest of the program may know of a logger. A field named `error` is written with code and causes. */
export interface Logger {
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
  /** from now on; a level that is none changes nothing */
  setLevel(level: string): void;
  /** writes out what is still in memory; a process that ends does so by itself */
  flush(): void;
}

export interface LoggerOptions {
  readonly role: 'keeper' | 'gate';
  /** LINKGATE_LOG_LEVEL; info when absent, info and a warning when it is no level */
  readonly level?: string | undefined;
  /** file descriptor (default 1), or an object that takes each line */
  readonly destination?: number | { write(line: string): void };
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
  const known = error instanceof GateError && error.code !== 'ERR_INTERNAL';
  return {
    message: error instanceof Error ? error.message : String(error),
    ...(error instanceof GateError ? { code: error.code, help: error.entry.help } : {}),
    ...(causes.length === 0 ? {} : { causes }),
    ...(known || !(error instanceof Error) ? {} : { stack: error.stack }),
  };
};

export const createLogger = ({ role, level, destination: to = 1 }: LoggerOptions): Logger => {
  const known = level !== undefined && isLogLevel(level);
  const file = typeof to === 'number' ? createLogWriter(to) : undefined;
  const log = pino(
    {
      level: known ? level : 'info',
      base: { role, pid: process.pid },
      messageKey: 'message',
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: describeError },
    },
    file ?? (to as { write(line: string): void }),
  );
  const logger: Logger = {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
    setLevel: (wanted) => {
      if (isLogLevel(wanted)) log.level = wanted;
    },
    flush: () => file?.flush(),
  };
  if (level !== undefined && level !== '' && !known) {
    logger.warn(
      { levels: LOG_LEVELS },
      `log level ${JSON.stringify(level.slice(0, 40))} is unknown: info is used`,
    );
  }
  return logger;
};

/** Failures of one kind get one line per this time. */
const QUIET_MS = 10_000;

const withHelp = (code: ErrorCode): { code: ErrorCode; help: string } => ({ code, help: ERRORS[code].help });

export interface LogEventsOptions {
  readonly events: Pick<EventBus, 'on'>;
  readonly logger: Logger;
  readonly clock: Clock;
}

/**
 * Writes a line per event worth reading. Failures that may come by the thousand are bounded: the first of a kind at
 * once, then at most one line per ten seconds with the number of those left out.
 * @returns stops it; counts not yet written are written
 */
export const logEvents = ({ events, logger, clock }: LogEventsOptions): (() => void) => {
  const stopped = new AbortController();
  const quiet = new Map<string, { suppressed: number; latest: () => void }>();

  const bounded = (kind: string, write: (suppressed: number) => void): void => {
    const known = quiet.get(kind);
    if (known !== undefined) {
      known.suppressed += 1;
      known.latest = () => write(known.suppressed - 1);
      return;
    }
    const window = { suppressed: 0, latest: (): void => undefined };
    quiet.set(kind, window);
    write(0);
    void (async () => {
      do {
        window.suppressed = 0;
        await clock.sleep(QUIET_MS, stopped.signal);
        if (window.suppressed > 0) window.latest();
      } while (window.suppressed > 0 && !stopped.signal.aborted);
      quiet.delete(kind);
    })();
  };

  const off = [
    events.on('listener.opened', ({ listener, host, port }) =>
      logger.info({ listener, host, port }, 'listener opened'),
    ),
    events.on('settings.reloaded', ({ domains, changed, removed, atRestart, code, message }) => {
      if (code === undefined) logger.info({ domains, changed, removed, atRestart }, 'settings reloaded');
      else {
        logger.error({ detail: message, ...withHelp(code) }, 'settings not reloaded: the old ones stay');
      }
    }),
    events.on('gate.started', (event) => logger.info({ gate: event.pid }, 'gate started')),
    events.on('gate.exited', ({ pid, exitCode, signal, expected, code, message }) => {
      const why = code === undefined ? {} : { detail: message, ...withHelp(code) };
      const fields = { gate: pid, exitCode, signal, ...why };
      if (expected) logger.info(fields, 'gate exited');
      else logger.error(fields, 'gate died and is replaced');
    }),
    events.on('certificate.issued', ({ domain, issuer, serial, notAfterMs, durationMs }) =>
      logger.info(
        { domain, issuer, serial, notAfter: time(notAfterMs), durationMs: Math.round(durationMs) },
        'certificate issued',
      ),
    ),
    events.on('certificate.failed', ({ domain, issuer, code, detail, nextAttemptMs }) =>
      logger.warn(
        { domain, issuer, detail, nextAttempt: time(nextAttemptMs), ...withHelp(code) },
        'certificate not issued',
      ),
    ),
    events.on('certificate.doubted', ({ domain, code, detail }) =>
      logger.warn({ domain, detail, ...withHelp(code) }, 'certificate may not be renewed'),
    ),
    events.on('upstream.failed', ({ upstream, code, cause }) =>
      bounded(`upstream ${upstream} ${code}`, (suppressed) =>
        logger.warn({ upstream, cause, suppressed, ...withHelp(code) }, 'tracker did not answer'),
      ),
    ),
    events.on('upstream.resolved', ({ upstream, result, cause }) => {
      if (result === 'answered') return;
      bounded(`resolve ${upstream} ${result}`, (suppressed) =>
        logger.warn(
          { upstream, cause, suppressed },
          result === 'kept'
            ? 'tracker was not found in the DNS: its last addresses are used'
            : 'tracker was not found in the DNS',
        ),
      );
    }),
    events.on('storage.failed', ({ code, message }) =>
      bounded(`storage ${code}`, (suppressed) =>
        logger.error({ detail: message, suppressed, ...withHelp(code) }, 'storage failed'),
      ),
    ),
    events.on('context.failed', ({ domain, code, message }) =>
      bounded(`context ${code}`, (suppressed) =>
        logger.error(
          { domain, detail: message, suppressed, ...withHelp(code) },
          'certificate cannot be served',
        ),
      ),
    ),
    events.on('handshake.failed', ({ reason }) => {
      // everything else is the client's own doing: a metric counts it
      if (reason !== 'internal') return;
      bounded('handshake', (suppressed) =>
        logger.error({ suppressed, ...withHelp('ERR_INTERNAL') }, 'handshake failed'),
      );
    }),
  ];

  return () => {
    for (const remove of off) remove();
    stopped.abort();
  };
};

/** ISO 8601 in UTC; null when it is no time. */
const time = (ms: number): string | null => {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
};
