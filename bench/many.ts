// Many domains: how long a target takes to be ready, what it holds in memory, what a click costs when names are drawn by
// Zipf's law and uniformly, and how soon one domain more is served.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  loadSpec,
  startTarget,
  untilAtRest,
  untilServed,
  type BenchContext,
  type Started,
} from './bench-context.ts';
import { addDomain } from './certificates.ts';
import { locked } from './lock.ts';
import { measure, type Measurement } from './measure.ts';
import { cpuMsOf, pssOf } from './process-tree.ts';
import type { ManyRow } from './results.ts';
import type { RunningTarget } from './targets/target.ts';

const ADDED = 'links.added.example';

const measureAdded = async (context: BenchContext, started: Started): Promise<number | undefined> => {
  const { running, domains } = started;
  if (running.addDomain === undefined) return undefined;
  addDomain(context.authority, domains.folder, ADDED);
  const startMs = performance.now();
  try {
    await running.addDomain(ADDED);
    await untilServed(context, running, ADDED);
    return performance.now() - startMs;
  } finally {
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
      warmUpMs: target.isJit ? options.warmUpMs : options.settleMs,
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
    addedMs: await measureAdded(context, started),
    ...(scrape === undefined ? {} : { scrape }),
  };
};

export const measureMany = async (context: BenchContext): Promise<readonly ManyRow[]> => {
  const { options, targets, say } = context;
  const rows: ManyRow[] = [];
  for (const count of options.domains) {
    for (const target of targets.filter(({ mostDomains }) => mostDomains >= count)) {
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
      });
    }
  }
  return rows;
};
