// `npm run compare -- --before DIR`: this build beside another one, both under the same load at the same time on the same core. What
// else the machine does meets both alike, so that differences of a few percent are seen where the bench's turns would drown them.
// `--traced`: the second of the two has OpenTelemetry on, and without --before both are this build.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { domainFiles, openAuthority } from './certificates.ts';
import { startLoad } from './load/load.ts';
import { MODES, type LoadSpec } from './load/spec.ts';
import { takePriority } from './priority.ts';
import { cpuMsOf, pssOf } from './process-tree.ts';
import { stopAll } from './program.ts';
import { quantile, ratio, spread } from './statistics.ts';
import { LTS, SYSTEM } from './targets/all-targets.ts';
import { COMMAND, createLinkgateTarget } from './targets/linkgate.ts';
import { startTraceSink } from './trace-sink.ts';
import { startUpstream } from './upstream.ts';

const WARM_UP_MS = 8_000;
const ROUND_MS = 3_000;
const ROUNDS = 5;
const CONCURRENCY = 8;

const { values } = parseArgs({
  options: {
    before: { type: 'string' },
    modes: { type: 'string', default: 'keepalive-h1,keepalive-h2,fresh' },
    domains: { type: 'string', default: '1' },
    uniform: { type: 'boolean', default: false },
    lts: { type: 'boolean', default: false },
    traced: { type: 'boolean', default: false },
  },
});
if (values.before === undefined && !values.traced)
  throw new Error('--before DIR is missing: a clone of another commit, with its build');
const modes = MODES.filter((mode) => values.modes.split(',').includes(mode));
const count = Number(values.domains);
const sink = values.traced ? await startTraceSink() : undefined;
const builds = [
  {
    name: 'before',
    command: values.before === undefined ? COMMAND : join(resolve(values.before), 'dist/cli/main.js'),
    env: {},
  },
  {
    name: sink === undefined ? 'now' : 'traced',
    command: COMMAND,
    env: sink === undefined ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT: sink.url },
  },
];

takePriority();
const folder = mkdtempSync(join(tmpdir(), 'linkgate-compare-'));
try {
  const authority = openAuthority();
  const domains = domainFiles(authority, count);
  const upstream = await startUpstream(authority, folder, '1');
  const running = await Promise.all(
    builds.map(({ name, command, env }) => {
      mkdirSync(join(folder, name));
      return createLinkgateTarget({ name, command, node: values.lts ? LTS : SYSTEM, env }).start({
        domains,
        upstreamPort: upstream.port,
        rootFile: authority.rootFile,
        folder: join(folder, name),
        cores: '0',
        workers: 1,
      });
    }),
  );
  await pause(WARM_UP_MS);
  for (const mode of modes) {
    const loads = running.map(({ port }) => {
      const spec: LoadSpec = {
        mode,
        port,
        caPem: authority.intermediatePem,
        concurrency: CONCURRENCY,
        rate: 100,
        distribution: count === 1 ? 'one' : values.uniform ? 'uniform' : 'zipf',
        domains: count,
        threads: 1,
      };
      return startLoad(spec);
    });
    const micros: number[][] = builds.map(() => []);
    const p99: number[][] = builds.map(() => []);
    const errors: Record<string, number>[] = builds.map(() => ({}));
    await pause(WARM_UP_MS);
    for (let round = 0; round < ROUNDS; round += 1) {
      await Promise.all(loads.map((load) => load.mark()));
      const startMs = running.map(({ pid }) => cpuMsOf(pid));
      await pause(ROUND_MS);
      const counts = await Promise.all(loads.map((load) => load.take()));
      for (const [index, { clicks, latencies, errors: found }] of counts.entries()) {
        const pid = running[index]?.pid ?? 0;
        micros[index]?.push(((cpuMsOf(pid) - (startMs[index] ?? 0)) / clicks) * 1_000);
        p99[index]?.push(quantile(latencies, 0.99));
        for (const [kind, more] of Object.entries(found))
          errors[index] = { ...errors[index], [kind]: (errors[index]?.[kind] ?? 0) + more };
      }
    }
    await Promise.all(loads.map((load) => load.stop()));
    const [before = [], now = []] = micros;
    const quotient = ratio(now, before);
    for (const [index, { name }] of builds.entries()) {
      const cost = spread(micros[index] ?? []);
      process.stdout.write(
        `${mode} ${name}: ${cost.median.toFixed(0)} µs/click (${cost.min.toFixed(0)}–${cost.max.toFixed(0)}), p99 ${spread(p99[index] ?? []).median.toFixed(1)} ms, ` +
          `PSS ${(pssOf(running[index]?.pid ?? 0) / 1_048_576).toFixed(0)} MB, errors ${JSON.stringify(errors[index])}\n`,
      );
    }
    process.stdout.write(
      `${mode} ${builds[1]?.name} / before: ${quotient?.median.toFixed(3)} (${quotient?.min.toFixed(2)}–${quotient?.max.toFixed(2)})\n`,
    );
  }
  // a sink that heard nothing would make tracing look free
  if (sink !== undefined) process.stdout.write(`spans received: ${sink.spans()}\n`);
} finally {
  sink?.close();
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
}
