// The metrics of every process about itself: CPU, memory, the delay of its event loop, its calls to the storage, and its lost
// log lines.

import type { EventBus } from '../../core/events.ts';
import { PROCESSES, STORAGE_OPERATIONS } from './catalogue.ts';
import { seconds, type Built } from './metrics.ts';

export interface ProcessMetricsOptions {
  readonly events: Pick<EventBus, 'on'>;
  readonly process: (typeof PROCESSES)[number];
  readonly metrics: Built<'both'>;
}

export interface ProcessMetrics {
  /** updates CPU and memory */
  look(): void;
  stop(): void;
}

/** Ten timers a second cost an idle process nothing that can be measured; a blocked event loop runs the next one late. */
const TICK_MS = 100;

const watchLoop = (onDelay: (ms: number) => void): (() => void) => {
  let dueMs = performance.now() + TICK_MS;
  const timer = setInterval(() => {
    const nowMs = performance.now();
    onDelay(Math.max(0, nowMs - dueMs));
    dueMs = nowMs + TICK_MS;
  }, TICK_MS);
  timer.unref();
  return () => clearInterval(timer);
};

/** Counts the work of this process. */
export const countProcess = ({ events, process: role, metrics }: ProcessMetricsOptions): ProcessMetrics => {
  const {
    linkgate_storage_duration_seconds: storage,
    linkgate_event_loop_delay_seconds: delays,
    linkgate_process_cpu_seconds_total: cpu,
    linkgate_process_resident_memory_bytes: memory,
  } = metrics;
  const index = PROCESSES.indexOf(role);
  let counted = 0;
  const stopLoop = watchLoop((ms) => delays.observe(index, seconds(ms)));
  const stopStorage = events.on('storage.completed', ({ operation, durationMs, failed }) => {
    storage.observe(STORAGE_OPERATIONS.indexOf(operation), seconds(durationMs));
    if (failed) metrics.linkgate_storage_errors_total.inc({ operation });
  });
  const lost = metrics.linkgate_log_lines_lost_total;
  lost.inc({ process: role }, 0);
  const stopLog = events.on('log.dropped', ({ lines }) => lost.inc({ process: role }, lines));
  return {
    look: () => {
      const { user, system } = process.cpuUsage();
      const used = seconds((user + system) / 1_000);
      cpu.inc({ process: role }, used - counted);
      counted = used;
      memory.set({ process: role }, process.memoryUsage.rss());
    },
    stop: () => {
      stopLoop();
      stopStorage();
      stopLog();
    },
  };
};
