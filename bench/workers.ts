// Two workers beside one, fresh connections, both cores shared with the load: what a second worker brings there is compared
// with what it brings nginx.

import { loadSpec, startTarget, type BenchContext, type Started } from './bench-context.ts';
import { locked } from './lock.ts';
import { measure, type Measurement } from './measure.ts';
import type { Results } from './results.ts';

const MEASURED = ['linkgate', 'linkgate-lts', 'nginx'];

export const measureWorkers = async (context: BenchContext): Promise<Results['workers']> => {
  const { options, say } = context;
  const started: (Started & { workers: number; rounds: Measurement[] })[] = [];
  for (const target of context.targets.filter(({ name }) => MEASURED.includes(name))) {
    for (const workers of [1, 2]) {
      started.push({
        ...(await startTarget(context, target, { workers, cores: '0,1' })),
        workers,
        rounds: [],
      });
    }
  }
  try {
    for (let round = 0; round < options.rounds; round += 1) {
      await locked(options.lock, async () => {
        for (const { target, running, workers, rounds } of started) {
          const result = await measure({
            pid: running.pid,
            load: loadSpec(context, { mode: 'fresh', port: running.port, threads: 2, concurrency: 32 }),
            warmUpMs: round === 0 && target.isJit ? options.warmUpMs : options.settleMs,
            durationMs: options.durationMs,
          });
          rounds.push(result);
          say(
            `workers ${round + 1} ${target.name} × ${workers}: ${result.clicksPerSecond.toFixed(0)} clicks/s`,
          );
        }
      });
    }
  } finally {
    await Promise.all(started.map(({ running }) => running.stop()));
  }
  return started.map(({ target, workers, rounds }) => ({ target: target.name, workers, rounds }));
};
