// Requests → spans → an OpenTelemetry collector (OTLP over HTTP, in JSON). Loaded only where OTEL_EXPORTER_OTLP_ENDPOINT is set.
// Spans that the collector does not take in time are lost and counted: no click waits for it, and the memory does not grow.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { systemClock, type Clock } from '../../core/platform/clock.ts';
import { withDeadline } from '../../core/platform/deadline.ts';
import type { Emit, EventBus } from '../../core/events.ts';
import { trustedRoots } from '../../core/platform/trusted-roots.ts';
import { packageVersion } from '../../core/platform/version.ts';
import { parseTraceparent, requestSpan, stringAttribute, type OtlpSpan } from './span.ts';
import type { TraceSettings } from './trace-settings.ts';

/** Spans that may wait; more are lost. */
const MOST_SPANS = 2_048;
const BATCH = 512;
const EVERY_MS = 5_000;
/** After a failure nothing is sent for this time, after the next one for twice the time. */
const SHORTEST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 60_000;

export interface TracesOptions {
  readonly settings: TraceSettings;
  readonly events: Pick<EventBus, 'on'>;
  readonly emit: Emit;
  readonly clock: Pick<Clock, 'now'>;
  /** in [0, 1) */
  readonly random?: () => number;
  readonly everyMs?: number;
}

export interface Traces {
  /** sends the spans that wait, once, and stops */
  stop(): Promise<void>;
}

const randomHex = (bytes: number): string => randomBytes(bytes).toString('hex');

/** The body of one export (opentelemetry-proto, ExportTraceServiceRequest). */
const exportBody = (resource: TraceSettings['resource'], spans: readonly OtlpSpan[]): string =>
  JSON.stringify({
    resourceSpans: [
      {
        resource: {
          attributes: [
            ...Object.entries(resource).map(([key, value]) => stringAttribute(key, value)),
            stringAttribute('service.version', packageVersion()),
            stringAttribute('process.pid', String(process.pid)),
          ],
        },
        scopeSpans: [{ scope: { name: 'linkgate', version: packageVersion() }, spans }],
      },
    ],
  });

/** Posts one body. @throws Error without any header in its message */
const post = (
  settings: TraceSettings,
  ca: string[] | undefined,
  body: string,
  signal: AbortSignal,
): Promise<void> =>
  new Promise((resolve, reject) => {
    const { url, headers } = settings;
    const isHttps = url.protocol === 'https:';
    const options = {
      method: 'POST',
      headers: { ...headers, 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) },
      signal,
      agent: false,
      ...(ca === undefined ? {} : { ca }),
    };
    const request = (isHttps ? requestHttps : requestHttp)(url, options, (response) => {
      const { statusCode = 0 } = response;
      // The response has no use here, and may be long.
      response.destroy();
      if (statusCode >= 200 && statusCode < 300) resolve();
      else reject(new Error(`collector answered ${statusCode}`));
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      reject(signal.aborted ? signal.reason : error);
    });
    request.end(body);
  });

export const createTraces = (options: TracesOptions): Traces => {
  const { settings, events, emit, clock, random = Math.random, everyMs = EVERY_MS } = options;
  const ca = settings.caFile === undefined ? undefined : trustedRoots(readFileSync(settings.caFile, 'utf8'));
  const { timeoutMs } = settings;
  // the time of the network, which no other clock can move
  const limit = {
    clock: systemClock,
    limitMs: timeoutMs,
    late: (): Error => new Error(`collector took longer than ${timeoutMs} ms`),
  };
  let spans: OtlpSpan[] = [];
  let lost = 0;
  let sending: Promise<void> | undefined;
  let pauseMs = 0;
  let notBeforeMs = -Infinity;

  const send = async (): Promise<void> => {
    const batch = spans.slice(0, BATCH);
    spans = spans.slice(BATCH);
    try {
      const body = exportBody(settings.resource, batch);
      await withDeadline(limit, (signal) => post(settings, ca, body, signal));
      pauseMs = 0;
      if (lost > 0) emit('traces.failed', { cause: 'more spans than the collector takes', lost });
    } catch (error) {
      pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, pauseMs * 2));
      notBeforeMs = performance.now() + pauseMs;
      emit('traces.failed', { cause: (error as Error).message, lost: lost + batch.length });
    }
    lost = 0;
  };

  const pump = (): void => {
    if (sending !== undefined || spans.length === 0 || performance.now() < notBeforeMs) return;
    sending = send().finally(() => {
      sending = undefined;
      if (spans.length >= BATCH) pump();
    });
  };

  const off = events.on('request.completed', (event) => {
    const parent = parseTraceparent(event.traceparent);
    const sampled =
      parent !== undefined && settings.followsParent ? parent.sampled : random() < settings.ratio;
    if (!sampled) return;
    if (spans.length >= MOST_SPANS) {
      lost += 1;
      return;
    }
    spans.push(requestSpan({ event, parent, endMs: clock.now(), randomHex }));
    if (spans.length === BATCH) pump();
  });
  const timer = setInterval(pump, everyMs);
  timer.unref();

  return {
    stop: async () => {
      off();
      clearInterval(timer);
      await sending;
      pump();
      await sending;
    },
  };
};
