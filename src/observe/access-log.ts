// A line per click, for those who ask for it: what kind, how it went, how long. Never a path, a query or a cookie:
// they are credentials; never a whole address: opens are personal data.

import type { EventBus, Events } from '../core/events.ts';
import type { Settings } from '../core/settings.ts';
import { clickKind } from './clicks.ts';
import type { Logger } from './log.ts';

export interface AccessLogOptions {
  readonly events: Pick<EventBus, 'on'>;
  readonly logger: Logger;
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
 * Writes the lines that `log.clicks` asks for. `sampled` takes every n-th request, whatever it was: no client can
 * choose to be in it or not.
 * @returns stops it
 */
export const logClicks = ({ events, logger, log }: AccessLogOptions): (() => void) => {
  if (log.clicks === 'none') return () => undefined;
  const every = log.clicks === 'all' ? 1 : log.sampleEvery;
  let count = 0;
  return events.on('request.completed', (event) => {
    count += 1;
    if (count % every === 0) logger.info(fieldsOf(event), 'click');
  });
};
