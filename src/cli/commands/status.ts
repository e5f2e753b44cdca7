// `linkgate status`: the state of the running proxy, and a row for each domain. It asks the admin port and nothing else.

import { askStatus, type RunningStatus } from '../../app/admin/ask-status.ts';
import { untilSignal } from '../../app/until-signal.ts';
import { loadSettings } from '../../config/load.ts';
import { systemClock } from '../../core/platform/clock.ts';
import { LinkgateError } from '../../core/errors.ts';
import { configPath } from '../arguments/config-path.ts';
import { coloursFor, type Colours, type Paint } from '../terminal/paint.ts';
import { fitTable, widthOfStream, wrapWithin } from '../terminal/table.ts';

type Row = RunningStatus['domains'][number];

const DAY_MS = 86_400_000;
const WATCH_EVERY_MS = 2_000;

const daysLeft = (notAfter: string | null, nowMs: number): string =>
  notAfter === null ? '-' : `${Math.floor((Date.parse(notAfter) - nowMs) / DAY_MS)}`;

/** `2026-12-24`, or the time of day when that is today */
const day = (time: string | null, nowMs: number): string => {
  if (time === null) return '-';
  const today = new Date(nowMs).toISOString().slice(0, 10);
  return time.startsWith(today) ? `${time.slice(11, 16)}Z` : time.slice(0, 10);
};

const clicksToday = ({ days }: Row): string =>
  String(Object.values(days[0]?.kinds ?? {}).reduce((sum, count) => sum + count, 0));

const certificatePaint = (row: Row, { green, amber, red }: Colours): Paint => {
  if (!row.https) return row.state === 'pending' ? amber : red;
  return row.certificate.lastProblem === null ? green : amber;
};

const rowOf = (status: RunningStatus, row: Row, colours: Colours, nowMs: number): readonly string[] => {
  const { certificate } = row;
  const traffic = status.traffic.get(row.name);
  const errors = traffic?.errors ?? 0;
  return [
    row.name,
    row.http,
    certificatePaint(row, colours)(row.https ? 'yes' : row.state),
    certificate.issuer ?? '-',
    daysLeft(certificate.notAfter, nowMs),
    day(certificate.nextAttempt, nowMs),
    clicksToday(row),
    errors > 0 ? colours.amber(String(errors)) : '0',
  ];
};

const upFor = (startedAt: string, nowMs: number): string => {
  const minutes = Math.max(0, Math.floor((nowMs - Date.parse(startedAt)) / 60_000));
  if (minutes < 120) return `${minutes} min`;
  return minutes < 2 * 1_440 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1_440)} days`;
};

export interface StatusFormat {
  readonly colours: Colours;
  readonly nowMs: number;
  /** columns of the terminal; without a width no line is broken */
  readonly width?: number;
}

/** For a person: one line for the proxy, a row for each domain, then each last problem with its remedy. */
export const formatStatus = (
  status: RunningStatus,
  { colours, nowMs, width = Infinity }: StatusFormat,
): string => {
  const { ready, workers, upstreams, domains } = status;
  const readyWorkers = workers.filter(({ state }) => state === 'ready').length;
  const head = [
    `linkgate ${status.version}`,
    ready ? colours.green('ready') : colours.red('not ready'),
    `up ${upFor(status.startedAt, nowMs)}`,
    `${readyWorkers} of ${workers.length} workers`,
    ...upstreams.map(
      ({ region, url, healthy }) =>
        `upstream ${region ?? url} ${healthy ? colours.green('ok') : colours.red('failing')}`,
    ),
  ].join(', ');
  const table = fitTable(
    [
      ['DOMAIN', 'HTTP', 'HTTPS', 'ISSUER', 'DAYS', 'NEXT', 'TODAY', 'ERRORS'],
      ...domains.map((row) => rowOf(status, row, colours, nowMs)),
    ],
    width,
  );
  const problems = domains.flatMap(({ name, certificate: { lastProblem } }) =>
    lastProblem === null
      ? []
      : [
          '',
          wrapWithin(`${name}: ${lastProblem.detail}`, width),
          `  ${colours.dim(`${day(lastProblem.at, nowMs)} ${lastProblem.type}`)}`,
          wrapWithin(lastProblem.remedy, width, '  '),
        ],
  );
  return [wrapWithin(head, width), '', table, ...problems].join('\n');
};

const asJson = ({ traffic, ...status }: RunningStatus): string =>
  JSON.stringify(
    {
      ...status,
      domains: status.domains.map((row) => ({
        ...row,
        traffic: traffic.get(row.name) ?? { kinds: {}, errors: 0 },
      })),
    },
    undefined,
    2,
  );

export interface StatusOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly watch?: boolean;
}

/**
 * @returns 0
 * @throws LinkgateError `ERR_ADMIN_UNREACHABLE` when nothing answers (with `watch`: at the first time), `ERR_CONFIG_*`
 */
export const statusCommand = async ({
  config,
  json = false,
  watch = false,
}: StatusOptions): Promise<number> => {
  if (json && watch) throw new LinkgateError('ERR_USAGE', 'options --json and --watch exclude each other');
  const { listen, admin } = await loadSettings(configPath({ config }));
  const { stdout } = process;
  const colours = coloursFor(stdout);
  const stop = new AbortController();
  const askText = async (): Promise<string> => {
    const status = await askStatus(listen.admin, stop.signal, admin);
    const width = widthOfStream(stdout);
    return json ? asJson(status) : formatStatus(status, { colours, nowMs: systemClock.now(), width });
  };
  const first = await askText();
  if (!watch) {
    stdout.write(`${first}\n`);
    return 0;
  }
  void untilSignal().asked.then(() => stop.abort());
  for (let text = first; !stop.signal.aborted;) {
    // on a terminal each table replaces the last one; in a file they follow each other
    stdout.write(stdout.isTTY ? `\u001B[2J\u001B[H${text}\n` : `${text}\n\n`);
    await systemClock.sleep(WATCH_EVERY_MS, stop.signal);
    if (stop.signal.aborted) break;
    try {
      text = await askText();
    } catch (error) {
      if (!(error instanceof LinkgateError) || error.code !== 'ERR_ADMIN_UNREACHABLE') throw error;
      text = colours.red(error.message);
    }
  }
  return 0;
};
