// A real Prometheus on a port of its own, which scrapes one target every two seconds and knows our alert rules.

import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { stringify } from 'yaml';
import { freePort } from './free-port.ts';
import { tempDir } from './temp-dir.ts';
import { until } from './until.ts';

const RULES = fileURLToPath(new URL('../../deploy/prometheus/alerts.yml', import.meta.url));

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  /** time and number */
  readonly value: readonly [number, string];
}

export interface PrometheusServer {
  /** `data` of an answer of its API; rejects when it says no */
  api(path: string, parameters?: Readonly<Record<string, string>>): Promise<unknown>;
  /** an instant query; a scalar has no samples */
  query(expression: string): Promise<readonly Sample[]>;
}

/** @param target - `127.0.0.1:PORT` of an admin port */
export const prometheus = async (t: Test, target: string): Promise<PrometheusServer> => {
  const folder = tempDir(t);
  const port = await freePort();
  const config = join(folder, 'prometheus.yml');
  writeFileSync(
    config,
    stringify({
      global: { scrape_interval: '2s', scrape_timeout: '2s', evaluation_interval: '2s' },
      rule_files: [RULES],
      scrape_configs: [{ job_name: 'linkgate', static_configs: [{ targets: [target] }] }],
    }),
  );
  const child = spawn(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  t.teardown(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const ask = async (path: string, parameters: Readonly<Record<string, string>> = {}): Promise<unknown> => {
    const url = `http://127.0.0.1:${port}${path}?${new URLSearchParams(parameters).toString()}`;
    const response = await fetch(url);
    const answer = (await response.json()) as { status: string; data?: unknown; error?: string };
    if (answer.status !== 'success') throw new Error(`${path}: ${answer.error ?? response.status}`);
    return answer.data;
  };
  await until(
    'Prometheus answers',
    async () => {
      if (child.exitCode !== null) throw new Error(`prometheus ended: ${said}`);
      return (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok;
    },
    60_000,
  );
  return {
    api: ask,
    query: async (expression) => {
      const { resultType, result } = (await ask('/api/v1/query', { query: expression })) as {
        readonly resultType: string;
        readonly result: readonly Sample[];
      };
      return resultType === 'vector' ? result : [];
    },
  };
};
