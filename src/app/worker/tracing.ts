// Traces requests where OpenTelemetry's variable names an endpoint. Without the variable nothing of it is loaded, and a click costs
// nothing for it.

import type { Clock } from '../../core/platform/clock.ts';
import type { Emit, EventBus } from '../../core/events.ts';
import type { Traces } from '../../observe/traces/traces.ts';

export interface TracingOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly events: Pick<EventBus, 'on'>;
  readonly emit: Emit;
  readonly clock: Clock;
}

/** @returns undefined where no endpoint is named, or where it cannot be used, which is an event too */
export const startTracing = async ({ env, ...options }: TracingOptions): Promise<Traces | undefined> => {
  if ((env['OTEL_EXPORTER_OTLP_ENDPOINT'] ?? '') === '') return undefined;
  try {
    const [{ createTraces }, { traceSettings }] = await Promise.all([
      import('../../observe/traces/traces.ts'),
      import('../../observe/traces/trace-settings.ts'),
    ]);
    const settings = traceSettings(env);
    return settings === undefined ? undefined : createTraces({ ...options, settings });
  } catch (error) {
    options.emit('part.failed', { part: 'traces', error });
    return undefined;
  }
};
