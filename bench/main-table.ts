// The main table: every target in every mode, one domain, one worker on core 0. All run all the time, and are measured in
// turn (A B C … A B C …), so that what changes on the machine meets all of them alike.

import { setTimeout as pause } from 'node:timers/promises';
import { loadSpec, startTarget, type BenchContext, type Started } from './bench-context.ts';
import { startLoad } from './load/load.ts';
import type { Mode } from './load/spec.ts';
import { locked } from './lock.ts';
import { measure, type Measurement } from './measure.ts';
import type { MainRow } from './results.ts';

/** clicks under way at a time while several targets are warmed up together */
const WARMING = 4;

/** Clicks on all targets that compile while they run at once, again for each mode. */
const warmUp = async (context: BenchContext, started: readonly Started[], mode: Mode): Promise<void> => {
  const loads = started
    .filter(({ target }) => target.isJit && (mode !== 'keepalive-h2' || target.speaksHttp2))
    .map(({ running }) => startLoad(loadSpec(context, { mode, port: running.port, concurrency: WARMING })));
  await pause(context.options.warmUpMs);
  await Promise.all(loads.map((load) => load.stop()));
};

/**
 * @param done - what a run before this one has measured
 * @param keep - called with all rows whenever a mode is done
 */
export const measureMain = async (
  context: BenchContext,
  done: readonly MainRow[],
  keep: (rows: readonly MainRow[]) => void,
): Promise<void> => {
  const { options, targets, say } = context;
  const modes = options.modes.filter((mode) => !done.some((row) => row.mode === mode));
  if (modes.length === 0) return;
  const started: Started[] = [];
  const rows = [...done];
  const measureOne = async (one: Started, mode: Mode, round: number): Promise<Measurement | undefined> => {
    const { target, running } = one;
    const result = await measure({
      pid: running.pid,
      load: loadSpec(context, { mode, port: running.port }),
      warmUpMs: options.settleMs,
      durationMs: options.durationMs,
    });
    say(`${mode} ${round + 1} ${target.name}: ${result.cpuMicrosPerClick.toFixed(1)} µs/click`);
    return result.clicks > 0 ? result : undefined;
  };
  try {
    for (const target of targets) started.push(await startTarget(context, target));
    for (const mode of modes) {
      const speaking = started.filter(({ target }) => mode !== 'keepalive-h2' || target.speaksHttp2);
      const rounds = new Map<Started, (Measurement | undefined)[]>(speaking.map((one) => [one, []]));
      for (let round = 0; round < options.rounds; round += 1) {
        await locked(options.lock, async () => {
          if (round === 0) await warmUp(context, speaking, mode);
          for (const [one, results] of rounds) results.push(await measureOne(one, mode, round));
        });
      }
      for (const [{ target }, results] of rounds) rows.push({ target: target.name, mode, rounds: results });
      keep(rows);
    }
  } finally {
    await Promise.all(started.map(({ running }) => running.stop()));
  }
};
