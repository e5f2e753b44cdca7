// The load from the runner's side: its threads started, asked, ended.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Counts, LoadSpec, ThreadSpec, ToThread } from './spec.ts';

export interface Load {
  /** forgets what was counted so far */
  mark(): Promise<void>;
  /** what was counted since `mark` */
  take(): Promise<Counts>;
  stop(): Promise<void>;
}

const together = (all: readonly Counts[]): Counts => {
  const latencies = new Float64Array(all.reduce((sum, { clicks }) => sum + clicks, 0));
  const errors: Record<string, number> = {};
  let at = 0;
  for (const counts of all) {
    latencies.set(counts.latencies, at);
    at += counts.clicks;
    for (const [kind, count] of Object.entries(counts.errors)) errors[kind] = (errors[kind] ?? 0) + count;
  }
  return { clicks: latencies.length, latencies: latencies.toSorted(), errors };
};

/** Starts clicking at once. */
export const startLoad = (spec: LoadSpec): Load => {
  const threads = Array.from({ length: spec.threads }, (_, thread) => {
    const workerData: ThreadSpec = { ...spec, thread };
    return new Worker(new URL('./thread.ts', import.meta.url), { workerData });
  });
  const say = (word: ToThread): Promise<Counts[]> =>
    Promise.all(
      threads.map(async (thread) => {
        const answer = once(thread, 'message');
        thread.postMessage(word);
        const [counts] = (await answer) as [Counts];
        return counts;
      }),
    );
  return {
    mark: async () => {
      await say('mark');
    },
    take: async () => together(await say('take')),
    stop: async () => {
      await Promise.all(
        threads.map(async (thread) => {
          const ended = once(thread, 'exit');
          thread.postMessage('stop' satisfies ToThread);
          await ended;
        }),
      );
    },
  };
};
