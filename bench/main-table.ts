// The main table: every target in every mode, one domain, one worker on core 0. All run all the time, and are measured in
// turn (A B C … A B C …), so that what changes on the machine meets all of them alike.

import { loadSpec, startTarget, type BenchContext, type Started } from './bench-context.ts';
import type { Mode } from './load/spec.ts';
import { locked } from './lock.ts';
import { measure, type Measurement } from './measure.ts';
import type { MainRow } from './results.ts';

export const measureMain = async (context: BenchContext): Promise<readonly MainRow[]> => {
  const { options, targets, say } = context;
  const started: Started[] = [];
  for (const target of targets) started.push(await startTarget(context, target));
  const rounds = new Map<string, (Measurement | undefined)[]>();
  const measureOne = async (index: number, mode: Mode, round: number): Promise<void> => {
    const one = started[index];
    if (one === undefined || (mode === 'keepalive-h2' && !one.target.speaksHttp2)) return;
    const { target, running } = one;
    const isWarm = round > 0 || !target.isJit;
    const result = await measure({
      pid: running.pid,
      load: loadSpec(context, { mode, port: running.port }),
      warmUpMs: isWarm ? options.settleMs : options.warmUpMs,
      durationMs: options.durationMs,
    });
    const key = `${mode} ${target.name}`;
    rounds.set(key, [...(rounds.get(key) ?? []), result.clicks > 0 ? result : undefined]);
    say(`${mode} ${round + 1} ${target.name}: ${result.cpuMicrosPerClick.toFixed(1)} µs/click`);
  };
  try {
    for (const mode of options.modes) {
      for (let round = 0; round < options.rounds; round += 1) {
        await locked(options.lock, async () => {
          for (const index of started.keys()) await measureOne(index, mode, round);
        });
      }
    }
  } finally {
    await Promise.all(started.map(({ running }) => running.stop()));
  }
  return options.modes.flatMap((mode) =>
    targets.flatMap(({ name: target }) => {
      const found = rounds.get(`${mode} ${target}`);
      return found === undefined ? [] : [{ target, mode, rounds: found }];
    }),
  );
};
