// Many domains: how long a target takes to be ready, what it holds in memory, what a click costs when names are drawn by
// Zipf's law and uniformly, and how soon one domain more is served.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  loadSpec,
  startTarget,
  untilAtRest,
  untilServed,
  type BenchContext,
  type Started,
} from './bench-context.ts';
import { addDomain } from './certificates.ts';
import { startLoad } from './load/load.ts';
import { locked } from './lock.ts';
import { measure, type Measurement } from './measure.ts';
import { cpuMsOf, pssOf } from './process-tree.ts';
import type { ManyRow } from './results.ts';
import type { RunningTarget } from './targets/target.ts';

const ADDED = 'links.added.example';

/** of the clicks on another domain while one is added */
const BESIDE_RATE = 50;

const measureAdded = async (
  context: BenchContext,
  started: Started,
): Promise<Pick<ManyRow, 'addedMs' | 'addedErrors'>> => {
  const { running, domains } = started;
  if (running.addDomain === undefined) return { addedMs: undefined };
  addDomain(context.authority, domains.folder, ADDED);
  const beside = startLoad(loadSpec(context, { mode: 'open', port: running.port, rate: BESIDE_RATE }));
  try {
    await pause(context.options.settleMs);
    const startMs = performance.now();
    await running.addDomain(ADDED);
    await untilServed(context, running, ADDED);
    const addedMs = performance.now() - startMs;
    // what is under way is waited for
    await pause(context.options.settleMs);
    return { addedMs, addedErrors: (await beside.take()).errors };
  } catch (error) {
    context.say(`added domain: ${String(error)}`);
    return { addedMs: undefined };
  } finally {
    await beside.stop();
    rmSync(join(domains.folder, `${ADDED}.pem`));
  }
};

const measureScrape = async ({ adminPort, pid }: RunningTarget): Promise<ManyRow['scrape']> => {
  if (adminPort === undefined) return undefined;
  const ask = async (path: string): Promise<{ tookMs: number; cpuMs: number; bytes: number }> => {
    const [startMs, cpuMs] = [performance.now(), cpuMsOf(pid)];
    const times = 5;
    let bytes = 0;
    for (let time = 0; time < times; time += 1) {
      const response = await fetch(`http://127.0.0.1:${adminPort}${path}`);
      bytes = (await response.arrayBuffer()).byteLength;
    }
    return { tookMs: (performance.now() - startMs) / times, cpuMs: (cpuMsOf(pid) - cpuMs) / times, bytes };
  };
  return { metrics: await ask('/metrics'), status: await ask('/api/status') };
};

const measureOne = async (context: BenchContext, started: Started): Promise<ManyRow> => {
  const { options } = context;
  const { target, running, domains, readyMs } = started;
  await untilAtRest(running);
  const restPssBytes = pssOf(running.pid);
  const under = (distribution: 'zipf' | 'uniform'): Promise<Measurement> =>
    measure({
      pid: running.pid,
      load: loadSpec(context, { mode: 'fresh', port: running.port, distribution, domains: domains.count }),
      warmUpMs: target.isJit && distribution === 'zipf' ? options.warmUpMs / 2 : options.settleMs,
      durationMs: options.durationMs * 2,
    });
  const [zipf, uniform] = [await under('zipf'), await under('uniform')];
  const scrape = await measureScrape(running);
  return {
    target: target.name,
    domains: domains.count,
    readyMs,
    restPssBytes,
    zipf,
    uniform,
    loadedPssBytes: pssOf(running.pid),
    ...(await measureAdded(context, started)),
    ...(scrape === undefined ? {} : { scrape }),
  };
};

/**
 * @param done - what a run before this one has measured
 * @param keep - called with all rows whenever there is one more
 */
export const measureMany = async (
  context: BenchContext,
  done: readonly ManyRow[],
  keep: (rows: readonly ManyRow[]) => void,
): Promise<void> => {
  const { options, targets, say } = context;
  const rows = [...done];
  for (const count of options.domains) {
    for (const target of targets.filter(({ mostDomains }) => mostDomains >= count)) {
      if (rows.some((row) => row.target === target.name && row.domains === count)) continue;
      await locked(options.lock, async () => {
        try {
          const started = await startTarget(context, target, { count });
          rows.push(await measureOne(context, started).finally(() => started.running.stop()));
          say(
            `many ${count} ${target.name}: ready after ${((rows.at(-1)?.readyMs ?? 0) / 1000).toFixed(1)} s`,
          );
        } catch (error) {
          say(`many ${count} ${target.name}: ${String(error)}`);
        }
        keep(rows);
      });
    }
  }
};
