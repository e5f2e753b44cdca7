// Events → log lines: one for each event that is worth reading. The fields are named one by one, so that no other field of an event
// gets into the log. access-log.ts writes requests; no line has their target, because a click path is a credential.

import type { Clock } from '../../core/platform/clock.ts';
import { ERRORS } from '../../core/errors.ts';
import type { ErrorCode } from '../../core/errors.ts';
import type { EventBus, Events } from '../../core/events.ts';
import { BoundedLines } from './bounded-lines.ts';
import { createLineBudget, type TakeLine } from './line-budget.ts';
import type { Logger } from './logger.ts';

const withHelp = (code: ErrorCode): { code: ErrorCode; help: string } => ({ code, help: ERRORS[code].help });

const PARTS: Readonly<Record<Events['part.failed']['part'], string>> = {
  listener: 'event listener failed',
  admin: 'admin request failed',
  workers: 'workers are not replaced: the old ones stay',
  traces: 'requests are not traced',
  worker: 'worker ends because of a bug; the supervisor replaces it',
};

export interface LogEventsOptions {
  readonly events: Pick<EventBus, 'on'>;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** ISO 8601 in UTC; null when `ms` is no time. */
const time = (ms: number): string | null => {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
};

type Lines = Pick<LogEventsOptions, 'events' | 'logger'>;
type Off = () => void;

const programLines = ({ events, logger }: Lines): readonly Off[] => [
  events.on('program.started', ({ version, node, domains }) =>
    logger.info('program.started', { version, node, domains }, 'linkgate runs'),
  ),
  events.on('program.stopping', ({ timeoutMs }) =>
    logger.info('program.stopping', { timeoutMs }, 'linkgate stops: requests in flight are finished'),
  ),
  events.on('program.stopped', () => logger.info('program.stopped', {}, 'linkgate stopped')),
  events.on('worker.drained', ({ cut }) => {
    if (cut > 0) logger.warn('worker.drained', { cut }, 'connections were cut after the drain time');
  }),
  events.on('part.failed', ({ part, error }) => logger.error('part.failed', { part, error }, PARTS[part])),
  events.on('listener.opened', ({ listener, host, port }) =>
    logger.info('listener.opened', { listener, host, port }, 'listener opened'),
  ),
  events.on('settings.reloaded', ({ domains, changed, removed, atRestart, code, message }) => {
    if (code === undefined)
      logger.info('settings.reloaded', { domains, changed, removed, atRestart }, 'settings reloaded');
    else {
      logger.error(
        'settings.reloaded',
        { detail: message, ...withHelp(code) },
        'settings are not reloaded: the old ones stay',
      );
    }
  }),
  events.on('worker.started', (event) =>
    logger.info('worker.started', { worker: event.pid }, 'worker started'),
  ),
  events.on('worker.exited', ({ pid, exitCode, signal, expected, code, message }) => {
    const why = code === undefined ? {} : { detail: message, ...withHelp(code) };
    const fields = { worker: pid, exitCode, signal, ...why };
    if (expected) logger.info('worker.exited', fields, 'worker exited');
    else logger.error('worker.exited', fields, 'worker died and is replaced');
  }),
];

const certificateLines = ({ events, logger }: Lines): readonly Off[] => [
  events.on('certificate.issued', ({ domain, issuer, serial, notAfterMs, durationMs }) =>
    logger.info(
      'certificate.issued',
      { domain, issuer, serial, notAfter: time(notAfterMs), durationMs: Math.round(durationMs) },
      'certificate issued',
    ),
  ),
  events.on('certificate.failed', ({ domain, issuer, code, detail, nextAttemptMs }) =>
    logger.warn(
      'certificate.failed',
      { domain, issuer, detail, nextAttempt: time(nextAttemptMs), ...withHelp(code) },
      'certificate not issued',
    ),
  ),
  events.on('certificate.doubted', ({ domain, code, detail }) =>
    logger.warn(
      'certificate.doubted',
      { domain, detail, ...withHelp(code) },
      'certificate may not be renewed',
    ),
  ),
];

/** Failures of which there may be thousands. */
const failureLines = (
  { events, logger }: Lines,
  bounded: BoundedLines,
  unreadable: TakeLine,
): readonly Off[] => [
  events.on('upstream.failed', ({ id, upstream, code, cause }) =>
    bounded.write(`upstream ${upstream} ${code}`, (suppressed) =>
      logger.warn(
        'upstream.failed',
        { id, upstream, cause, suppressed, ...withHelp(code) },
        'tracker did not answer',
      ),
    ),
  ),
  events.on('upstream.resolved', ({ upstream, result, cause }) => {
    if (result === 'answered') return;
    bounded.write(`resolve ${upstream} ${result}`, (suppressed) =>
      logger.warn(
        'upstream.resolved',
        { upstream, cause, suppressed },
        result === 'kept'
          ? 'tracker was not found in the DNS: its last addresses are used'
          : 'tracker was not found in the DNS',
      ),
    );
  }),
  events.on('storage.failed', ({ code, message }) => {
    const write = (suppressed: number): void =>
      logger.error('storage.failed', { detail: message, suppressed, ...withHelp(code) }, 'storage failed');
    if (code !== 'ERR_STORAGE_UNREADABLE') return bounded.write(`storage ${code}`, write);
    // each is about another file: one does not stand for the others
    const suppressed = unreadable();
    if (suppressed !== undefined) write(suppressed);
  }),
  events.on('context.failed', ({ domain, code, message }) =>
    bounded.write(`context ${code}`, (suppressed) =>
      logger.error(
        'context.failed',
        { domain, detail: message, suppressed, ...withHelp(code) },
        'certificate cannot be served',
      ),
    ),
  ),
  events.on('traces.failed', ({ cause, lost }) =>
    bounded.write('traces', (suppressed) =>
      logger.warn(
        'traces.failed',
        { cause, lost, suppressed },
        'spans were lost: their collector did not take them',
      ),
    ),
  ),
  events.on('handshake.failed', ({ reason }) => {
    // All other reasons are the client's own: a metric counts them.
    if (reason !== 'internal') return;
    bounded.write('handshake', (suppressed) =>
      logger.error('handshake.failed', { suppressed, ...withHelp('ERR_INTERNAL') }, 'handshake failed'),
    );
  }),
];

/**
 * Writes a line for each event that is worth reading. Failures of which there may be thousands are bounded.
 * @returns stops it; counts not yet written are written
 */
export const logEvents = ({ events, logger, clock }: LogEventsOptions): (() => void) => {
  const lines = { events, logger };
  const bounded = new BoundedLines(clock);
  const off = [
    ...programLines(lines),
    ...certificateLines(lines),
    ...failureLines(lines, bounded, createLineBudget({ clock })),
  ];
  return () => {
    for (const remove of off) remove();
    bounded.stop();
  };
};
