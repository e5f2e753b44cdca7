// What every part of a run has at hand, and the one way to start a target and to see that it serves.

import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { domainFiles, type Authority, type DomainFiles } from './certificates.ts';
import { createConnect } from './load/connection.ts';
import { createFreshClicker } from './load/http1-clicks.ts';
import type { LoadSpec } from './load/spec.ts';
import type { BenchOptions } from './options.ts';
import { cpuMsOf } from './process-tree.ts';
import type { RunningTarget, Target } from './targets/target.ts';

export interface BenchContext {
  readonly options: BenchOptions;
  readonly authority: Authority;
  readonly upstreamPort: number;
  /** removed after the run */
  readonly folder: string;
  /** those that are installed and wanted */
  readonly targets: readonly Target[];
  readonly say: (line: string) => void;
}

export const CONCURRENCY = 16;
/** clicks a second in mode `open`, and the most that may be under way */
export const OPEN_RATE = 300;
const OPEN_CONCURRENCY = 1_000;
const READY_LIMIT_MS = 120_000;
const REST_LIMIT_MS = 60_000;

export const loadSpec = (
  { authority }: BenchContext,
  spec: Partial<LoadSpec> & Pick<LoadSpec, 'mode' | 'port'>,
): LoadSpec => ({
  caPem: authority.intermediatePem,
  concurrency: spec.mode === 'open' ? OPEN_CONCURRENCY : CONCURRENCY,
  rate: OPEN_RATE,
  distribution: 'one',
  domains: 1,
  threads: 1,
  ...spec,
});

/** Milliseconds until a click on `name` is answered rightly. */
export const untilServed = async (
  { authority }: BenchContext,
  target: RunningTarget,
  name: string,
): Promise<number> => {
  const startMs = performance.now();
  const click = createFreshClicker(
    { connect: createConnect(authority.intermediatePem), port: target.port, thread: 0, nextName: () => name },
    false,
  );
  for (let fault = await click(); fault !== undefined; fault = await click()) {
    if (target.hasEnded()) throw new Error(`target ended: ${target.printed()}`);
    if (performance.now() - startMs > READY_LIMIT_MS)
      throw new Error(`not ready: ${fault}\n${target.printed()}`);
    await pause(10);
  }
  return performance.now() - startMs;
};

/** Waits until a target has finished what it began at its start: below 3 % of a core over a second. */
export const untilAtRest = async ({ pid }: RunningTarget): Promise<void> => {
  const limitMs = performance.now() + REST_LIMIT_MS;
  let cpuMs = cpuMsOf(pid);
  while (performance.now() < limitMs) {
    await pause(1_000);
    const nowMs = cpuMsOf(pid);
    if (nowMs - cpuMs <= 30) return;
    cpuMs = nowMs;
  }
};

export interface Started {
  readonly target: Target;
  readonly running: RunningTarget;
  readonly domains: DomainFiles;
  readonly readyMs: number;
}

let folders = 0;

/** Starts a target and waits until it serves its last domain. */
export const startTarget = async (
  context: BenchContext,
  target: Target,
  { count = 1, workers = 1, cores = '0' }: { count?: number; workers?: number; cores?: string } = {},
): Promise<Started> => {
  folders += 1;
  const folder = join(context.folder, `${target.name}-${folders}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const domains = domainFiles(context.authority, count);
  const { rootFile } = context.authority;
  const running = await target.start({
    domains,
    upstreamPort: context.upstreamPort,
    rootFile,
    folder,
    cores,
    workers,
  });
  const readyMs = await untilServed(context, running, domains.names.at(-1) ?? '').catch(
    async (error: unknown) => {
      await running.stop();
      throw error;
    },
  );
  return { target, running, domains, readyMs };
};
