// One measurement: a target under a load for a while, and what it cost.

import { setTimeout as pause } from 'node:timers/promises';
import { startLoad } from './load/load.ts';
import type { LoadSpec } from './load/spec.ts';
import { coreBusyMs, cpuMsOf, pssOf } from './process-tree.ts';
import { quantile } from './statistics.ts';

export interface Measurement {
  readonly clicks: number;
  readonly clicksPerSecond: number;
  /** user and system time of the whole process tree */
  readonly cpuMicrosPerClick: number;
  /** of the time: how busy the target kept its cores, 1 for one core */
  readonly busy: number;
  /** of the time: how long something else ran on the target's first core, or the host took it away; small in a quiet run */
  readonly foreign: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly pssBytes: number;
  readonly errors: Readonly<Record<string, number>>;
}

export interface MeasureOptions {
  readonly pid: number;
  readonly load: LoadSpec;
  readonly warmUpMs: number;
  readonly durationMs: number;
}

export const measure = async (options: MeasureOptions): Promise<Measurement> => {
  const { pid, durationMs } = options;
  const load = startLoad(options.load);
  try {
    await pause(options.warmUpMs);
    await load.mark();
    const [startMs, cpuStartMs, coreStartMs] = [performance.now(), cpuMsOf(pid), coreBusyMs(0)];
    await pause(durationMs);
    const { clicks, latencies, errors } = await load.take();
    const [tookMs, cpuMs] = [performance.now() - startMs, cpuMsOf(pid) - cpuStartMs];
    const coreMs = coreBusyMs(0) - coreStartMs;
    return {
      clicks,
      clicksPerSecond: (clicks / tookMs) * 1000,
      cpuMicrosPerClick: (cpuMs / clicks) * 1000,
      busy: cpuMs / tookMs,
      foreign: Math.max(coreMs - cpuMs, 0) / tookMs,
      p50Ms: quantile(latencies, 0.5),
      p99Ms: quantile(latencies, 0.99),
      p999Ms: quantile(latencies, 0.999),
      pssBytes: pssOf(pid),
      errors,
    };
  } finally {
    await load.stop();
  }
};
