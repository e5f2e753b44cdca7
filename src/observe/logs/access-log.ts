// A log line for each click, where the configuration asks for it: its kind, its result, its duration. A click that ended with an error
// page of linkgate always has a line, under the id that the page shows. A line never has a path, a query or a cookie: they are
// credentials. It never has a whole address: opens are personal data.

import type { Clock } from '../../core/platform/clock.ts';
import type { EventBus, Events } from '../../core/events.ts';
import type { Settings } from '../../core/settings.ts';
import { clickKind } from '../request-kind.ts';
import { createLineBudget } from './line-budget.ts';
import type { Logger } from './logger.ts';

export interface AccessLogOptions {
  readonly events: Pick<EventBus, 'on'>;
  readonly logger: Logger;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Settings['log'];
}

const round = (ms: number): number => Math.round(ms * 10) / 10;

const fieldsOf = (event: Events['request.completed']): Readonly<Record<string, unknown>> => ({
  id: event.id,
  domain: event.domain,
  kind: clickKind(event.target),
  method: event.method,
  status: event.status,
  bytes: event.bytes,
  durationMs: round(event.durationMs),
  ...(event.upstreamMs === undefined ? {} : { upstreamMs: round(event.upstreamMs) }),
  listener: event.listener,
  http: event.httpVersion,
  ...(event.tls === undefined ? {} : { tls: event.tls.version, resumed: event.tls.resumed }),
  ...(event.network === undefined ? {} : { network: event.network }),
  ...(event.complete ? {} : { complete: false }),
  ...(event.errorCode === undefined ? {} : { code: event.errorCode }),
});

/**
 * Writes the lines that `log.clicks` asks for. `sampled` takes every n-th request of any kind: no client can choose whether it is
 * taken. It also writes the requests that failed, a hundred in ten seconds at most: failures of the tracker as warnings, faults of
 * the client at the level `debug`.
 * @returns stops it
 */
export const logClicks = ({ events, logger, clock, log }: AccessLogOptions): (() => void) => {
  const every = { none: Infinity, all: 1, sampled: log.sampleEvery }[log.clicks];
  const take = createLineBudget({ clock });
  let count = 0;
  const failed = (
    at: 'warn' | 'debug',
    event: 'request.completed' | 'request.refused',
    fields: Readonly<Record<string, unknown>>,
  ): void => {
    // A line that is not written costs nothing of the budget.
    if (at === 'debug' && !logger.writes('debug')) return;
    const suppressed = take();
    if (suppressed === undefined) return;
    logger[at](event, { ...fields, ...(suppressed === 0 ? {} : { suppressed }) }, 'error page was sent');
  };
  const off = [
    events.on('request.completed', (event) => {
      count += 1;
      if (count % every === 0) logger.info('request.completed', fieldsOf(event), 'click');
      else if (event.errorCode !== undefined)
        failed(event.status >= 500 ? 'warn' : 'debug', 'request.completed', fieldsOf(event));
    }),
    events.on('request.refused', ({ id, listener, code, status }) =>
      failed('debug', 'request.refused', { id, listener, code, status }),
    ),
  ];
  return () => {
    for (const remove of off) remove();
  };
};
