// The events of one process and its log: every event of the bus that is worth a line becomes one. Supervisor and worker each begin
// with it. Knows no event by name; observe/logs/ decides what is written.

import { createEventBus, type EventBus } from '../core/events.ts';
import type { Clock } from '../core/platform/clock.ts';
import type { Settings } from '../core/settings.ts';
import { logEvents } from '../observe/logs/log-events.ts';
import { createLogger, type Logger, type LoggerOptions } from '../observe/logs/logger.ts';
import { logLevelOf } from './log-level.ts';

export interface ProcessLogOptions {
  readonly role: LoggerOptions['role'];
  readonly settings: Pick<Settings, 'log'>;
  /** LINKGATE_LOG_LEVEL where it is set */
  readonly logLevel?: string | undefined;
  readonly clock: Clock;
}

export interface ProcessLog {
  readonly bus: EventBus;
  readonly logger: Logger;
  /** uses the level, the file and the format of new settings */
  configure(settings: Pick<Settings, 'log'>): void;
  /** writes out what is in memory; later events get no line */
  stop(): void;
}

export const startProcessLog = ({ role, settings, logLevel, clock }: ProcessLogOptions): ProcessLog => {
  const logger = createLogger({
    role,
    level: logLevelOf(settings, logLevel),
    target: settings.log,
    onDropped: (lines) => bus.emit('log.dropped', { lines }),
  });
  const bus = createEventBus((name, error) =>
    logger.error('part.failed', { part: 'listener', of: name, error }, 'event listener failed'),
  );
  const stopLines = logEvents({ events: bus, logger, clock });
  return {
    bus,
    logger,
    configure: (next) => {
      logger.setLevel(logLevelOf(next, logLevel));
      logger.setTarget(next.log);
    },
    stop: () => {
      stopLines();
      logger.flush();
    },
  };
};
