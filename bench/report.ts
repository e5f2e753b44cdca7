// Results as Markdown: the tables people read. Pure.

import type { Measurement } from './measure.ts';
import { MODES, type Mode } from './load/spec.ts';
import type { IdleRow, IssuanceRow, MainRow, ManyRow, Results } from './results.ts';
import { median, ratio, spread, type Spread } from './statistics.ts';

/** What everything is compared with. */
const PEERS = ['caddy', 'nginx', 'http-proxy', 'prototype'] as const;

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map((_, index) => (index === 0 ? '---' : '--:')), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');

const rounded = (value: number): string =>
  Number.isFinite(value)
    ? value < 10
      ? value.toFixed(2)
      : value < 100
        ? value.toFixed(1)
        : value.toFixed(0)
    : '–';

const megabytes = (bytes: number): string => rounded(bytes / 1_048_576);

const percent = (share: number): string => (Number.isFinite(share) ? `${Math.round(share * 100)} %` : '–');

const rangeText = ({ min, max }: Spread): string =>
  Number.isFinite(min) ? ` (${rounded(min)}–${rounded(max)})` : '';

const ratioText = (value: Spread | undefined): string =>
  value === undefined ? '–' : `${value.median.toFixed(2)} (${value.min.toFixed(2)}–${value.max.toFixed(2)})`;

/** The figure of each round; undefined for a round that brought nothing. */
export const figures = (
  row: MainRow | undefined,
  key: Exclude<keyof Measurement, 'errors'>,
): readonly (number | undefined)[] =>
  (row?.rounds ?? []).map((round) => (round === undefined || round.clicks === 0 ? undefined : round[key]));

const known = (values: readonly (number | undefined)[]): number[] =>
  values.filter((value) => value !== undefined);

const countsText = (counts: Readonly<Record<string, number>>): string => {
  const text = Object.entries(counts).map(([kind, count]) => `${kind} ${count}`);
  return text.length === 0 ? '0' : text.join(', ');
};

const errorsOf = (rounds: readonly (Measurement | undefined)[]): string => {
  const sums: Record<string, number> = {};
  for (const round of rounds) {
    for (const [kind, count] of Object.entries(round?.errors ?? {})) sums[kind] = (sums[kind] ?? 0) + count;
  }
  return countsText(sums);
};

const modeTable = (rows: readonly MainRow[], mode: Mode): string => {
  const ofMode = rows.filter((row) => row.mode === mode);
  const cpu = (target: string): readonly (number | undefined)[] =>
    figures(
      ofMode.find((row) => row.target === target),
      'cpuMicrosPerClick',
    );
  const cells = ofMode.map((row) => {
    const of = (key: Exclude<keyof Measurement, 'errors'>): number => median(known(figures(row, key)));
    return [
      row.target,
      rounded(of('cpuMicrosPerClick')) + rangeText(spread(known(figures(row, 'cpuMicrosPerClick')))),
      ...PEERS.map((peer) => (peer === row.target ? '1' : ratioText(ratio(cpu(row.target), cpu(peer))))),
      rounded(of('clicksPerSecond')),
      percent(of('busy')),
      percent(spread(known(figures(row, 'foreign'))).max),
      rounded(of('p50Ms')),
      rounded(of('p99Ms')),
      rounded(of('p999Ms')),
      megabytes(of('pssBytes')),
      errorsOf(row.rounds),
    ];
  });
  const head = ['target', 'CPU µs/click', ...PEERS.map((peer) => `× ${peer}`), 'clicks/s', 'busy', 'foreign'];
  return `### ${mode}\n\n${table([...head, 'p50 ms', 'p99 ms', 'p99.9 ms', 'PSS MB', 'errors'], cells)}`;
};

const manyTable = (rows: readonly ManyRow[]): string =>
  table(
    [
      ...['target', 'domains', 'ready s', 'MB at rest', 'MB after load', 'zipf µs/click', 'p99 ms'],
      ...['uniform µs/click', 'p99 ms', 'errors', 'added domain serves after s', 'errors of others'],
    ],
    rows.map((row) => [
      row.target,
      String(row.domains),
      rounded(row.readyMs / 1000),
      megabytes(row.restPssBytes),
      megabytes(row.loadedPssBytes),
      rounded(row.zipf.cpuMicrosPerClick),
      rounded(row.zipf.p99Ms),
      rounded(row.uniform.cpuMicrosPerClick),
      rounded(row.uniform.p99Ms),
      errorsOf([row.zipf, row.uniform]),
      row.addedMs === undefined ? 'restart' : rounded(row.addedMs / 1000),
      row.addedErrors === undefined ? '–' : countsText(row.addedErrors),
    ]),
  );

const scrapeTable = (rows: readonly ManyRow[]): string =>
  table(
    ['target', 'domains', '/metrics ms', 'CPU ms', 'KB', '/api/status ms', 'CPU ms', 'KB'],
    rows.flatMap(({ target, domains, scrape }) =>
      scrape === undefined
        ? []
        : [
            [
              target,
              String(domains),
              ...[scrape.metrics, scrape.status].flatMap(({ tookMs, cpuMs, bytes }) => [
                rounded(tookMs),
                rounded(cpuMs),
                rounded(bytes / 1024),
              ]),
            ],
          ],
    ),
  );

const idleTable = (rows: readonly IdleRow[]): string =>
  table(
    ['target', 'protocol', 'connections', 'MB before', 'MB with them', 'KB each', 'alive after'],
    rows.map((row) => [
      row.target,
      row.protocol,
      String(row.connections),
      megabytes(row.restPssBytes),
      megabytes(row.heldPssBytes),
      rounded((row.heldPssBytes - row.restPssBytes) / row.connections / 1024),
      String(row.alive),
    ]),
  );

const issuanceTable = (rows: readonly IssuanceRow[]): string =>
  table(
    ['target', 'names', 'live', 'after s', 'names/min', 'CPU ms/name'],
    rows.map((row) => [
      row.target,
      String(row.names),
      String(row.live),
      rounded(row.tookMs / 1000),
      rounded((row.live / row.tookMs) * 60_000),
      rounded(row.cpuMs / row.live),
    ]),
  );

const workersTable = (rows: Results['workers']): string => {
  const speed = (target: string, workers: number): number[] =>
    rows
      .filter((row) => row.target === target && row.workers === workers)
      .flatMap(({ rounds }) => rounds.map(({ clicksPerSecond }) => clicksPerSecond));
  return table(
    ['target', '1 worker clicks/s', '2 workers clicks/s', 'factor'],
    [...new Set(rows.map(({ target }) => target))].map((target) => {
      const [one, two] = [speed(target, 1), speed(target, 2)];
      return [target, rounded(median(one)), rounded(median(two)), ratioText(ratio(two, one))];
    }),
  );
};

const section = (title: string, isThere: boolean, text: () => string): readonly string[] =>
  isThere ? [`## ${title}`, text()] : [];

/** The whole report. */
export const reportMarkdown = (results: Results): string => {
  const { machine, versions, protocol, main, workers, many, idle, issuance } = results;
  const present = Object.entries(versions).map(([name, version]) => `${name} ${version ?? '**missing**'}`);
  const modes = MODES.filter((mode) => main.some((row) => row.mode === mode));
  return `${[
    `# Bench of ${results.date}, commit ${results.commit}`,
    `\`${results.command}\``,
    `- Machine: ${machine.cores} × ${machine.cpu}, Linux ${machine.kernel}`,
    `- Versions: ${present.join(', ')}`,
    `- ${protocol.rounds} rounds of ${protocol.durationMs / 1000} s, targets in turn; warm-up ${protocol.warmUpMs / 1000} s of those on Node. Figures are medians of the rounds, in brackets the least and the greatest; ratios are taken round by round. How it is measured: bench/README.md.`,
    ...section('One domain, one worker', main.length > 0, () =>
      modes.map((mode) => modeTable(main, mode)).join('\n\n'),
    ),
    ...section('Two workers beside one, fresh, on both cores', workers.length > 0, () =>
      workersTable(workers),
    ),
    ...section('Many domains', many.length > 0, () => manyTable(many)),
    ...section(
      'The admin port with many domains',
      many.some(({ scrape }) => scrape !== undefined),
      () => scrapeTable(many),
    ),
    ...section('Idle connections', idle.length > 0, () => idleTable(idle)),
    ...section('Names that come alive by ACME', issuance.length > 0, () => issuanceTable(issuance)),
  ].join('\n\n')}\n`;
};
