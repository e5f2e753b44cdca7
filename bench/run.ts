// `npm run bench`: measures what it is asked to, and writes results/<date>-<commit>.{json,md} and the chart for the README.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BenchContext } from './bench-context.ts';
import { openAuthority } from './certificates.ts';
import { chartSvg } from './chart.ts';
import { measureIdle } from './idle.ts';
import { measureIssuance } from './issuance.ts';
import { measureMain } from './main-table.ts';
import { measureMany } from './many.ts';
import { parseOptions } from './options.ts';
import { takePriority } from './priority.ts';
import { stopAll } from './program.ts';
import { reportMarkdown } from './report.ts';
import type { Results } from './results.ts';
import { ALL_TARGETS } from './targets/all-targets.ts';
import { startUpstream } from './upstream.ts';
import { measureWorkers } from './workers.ts';

const args = process.argv.slice(2);
const options = parseOptions(
  args,
  ALL_TARGETS.map(({ name }) => name),
);
const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const gitText = (...words: readonly string[]): string =>
  spawnSync('git', words, {
    encoding: 'utf8',
    cwd: fileURLToPath(new URL('..', import.meta.url)),
  }).stdout.trim();

/** with a `+` when what was measured is not what was committed */
const commitName = (): string => {
  const changes = gitText('status', '--porcelain', '--', 'src', 'bench', ':!bench/results', 'package.json');
  return `${gitText('rev-parse', '--short', 'HEAD')}${changes === '' ? '' : '+'}`;
};

const RESULTS = fileURLToPath(new URL('results/', import.meta.url));
const fileOf = ({ date, commit }: Pick<Results, 'date' | 'commit'>, ending: string): string =>
  join(RESULTS, `${date}-${commit}.${ending}`);

/** What the last run of a commit has left. */
const lastOf = (commit: string): Results | undefined => {
  const last = readdirSync(RESULTS)
    .filter((name) => name.endsWith(`-${commit}.json`))
    .toSorted()
    .at(-1);
  return last === undefined ? undefined : (JSON.parse(readFileSync(join(RESULTS, last), 'utf8')) as Results);
};

const wanted = ALL_TARGETS.filter(({ name }) => options.targets?.includes(name) ?? true);
const versions = Object.fromEntries(wanted.map((target) => [target.name, target.version() ?? null]));
const targets = wanted.filter(({ name }) => versions[name] !== null);
for (const { name } of wanted) if (versions[name] === null) say(`missing: ${name}`);

takePriority();
const folder = mkdtempSync(join(os.tmpdir(), 'linkgate-bench-'));
try {
  const authority = openAuthority();
  const upstream = await startUpstream(authority, folder, '1');
  const context: BenchContext = { options, authority, upstreamPort: upstream.port, folder, targets, say };
  const has = (part: (typeof options.parts)[number]): boolean => options.parts.includes(part);
  const commit = commitName();
  let results: Results = (options.isResumed ? lastOf(commit) : undefined) ?? {
    date: new Date().toISOString().slice(0, 10),
    commit,
    command: `npm run bench -- ${args.join(' ')}`.trim(),
    machine: { cpu: os.cpus()[0]?.model ?? '?', cores: os.cpus().length, kernel: os.release() },
    versions: { ...versions, 'node of the load': process.version },
    protocol: { rounds: options.rounds, durationMs: options.durationMs, warmUpMs: options.warmUpMs },
    main: [],
    workers: [],
    many: [],
    idle: [],
    issuance: [],
  };
  const keep = (more: Partial<Results>): void => {
    results = { ...results, ...more };
    if (options.isDry) return;
    writeFileSync(fileOf(results, 'json'), `${JSON.stringify(results, undefined, 1)}\n`);
    writeFileSync(fileOf(results, 'md'), reportMarkdown(results));
  };
  await measureMain(context, results.main, (main) => keep({ main }));
  if (has('workers') && results.workers.length === 0) keep({ workers: await measureWorkers(context) });
  if (has('issuance')) await measureIssuance(context, results.issuance, (issuance) => keep({ issuance }));
  if (has('many')) await measureMany(context, results.many, (many) => keep({ many }));
  if (has('idle')) await measureIdle(context, results.idle, (idle) => keep({ idle }));
  process.stdout.write(reportMarkdown(results));
  const isWhole = options.targets === undefined && results.main.some(({ mode }) => mode === 'fresh');
  if (!options.isDry && isWhole) {
    const chart = fileURLToPath(new URL('../docs/images/bench.svg', import.meta.url));
    writeFileSync(chart, chartSvg(results.main));
  }
} finally {
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
}
