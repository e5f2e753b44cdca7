// `linkgate doctor`: what stands between each domain and green, for a person. app/commands/doctor.ts does the checks.

import { readFile } from 'node:fs/promises';
import { runDoctor, type DoctorReport } from '../../app/commands/doctor.ts';
import { loadSettings } from '../../config/load.ts';
import { documentPath } from '../../core/platform/document-path.ts';
import { normalizeName } from '../../core/domain-name.ts';
import { LinkgateError } from '../../core/errors.ts';
import { worst, type Finding, type Level } from '../../doctor/examination/findings.ts';
import { configPath } from '../arguments/config-path.ts';
import { coloursFor, type Colours } from '../terminal/paint.ts';
import { addressText, resolverAddress } from '../arguments/resolver-address.ts';
import { wrap } from '../terminal/table.ts';

export interface DoctorCommandOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
  readonly resolver?: string;
  readonly ca?: string;
}

export interface FormatOptions {
  readonly colours: Colours;
  /** columns of the terminal */
  readonly width: number;
  readonly verbose: boolean;
}

/** Words of the same width: colour is not the only sign. */
const WORDS: Readonly<Record<Level, string>> = { green: 'ok  ', amber: 'warn', red: 'FAIL' };
const MARGIN = 21;
/** with more domains, green rows are left out */
const MOST_WHOLE = 3;

const formatFinding = (one: Finding, { colours, width, verbose }: FormatOptions): readonly string[] => {
  const room = Math.max(20, width - MARGIN);
  const below = (text: string, mark = ''): string[] =>
    wrap(text, room - mark.length).map(
      (line, index) => ' '.repeat(MARGIN) + (index === 0 ? mark : ' '.repeat(mark.length)) + line,
    );
  const [first = '', ...rest] = wrap(one.what, room);
  const lines = [
    `  ${colours[one.level](WORDS[one.level])}  ${one.check.padEnd(MARGIN - 8)}${first}`,
    ...rest.map((line) => ' '.repeat(MARGIN) + line),
  ];
  const details = verbose ? one.evidence.flatMap((text) => below(text).map(colours.dim)) : [];
  if (one.level === 'green') return [...lines, ...details];
  const why = verbose ? below(`why: ${one.why}`) : [];
  const page =
    verbose && one.id !== undefined
      ? below(documentPath(`troubleshooting.md#${one.id}`)).map(colours.dim)
      : [];
  return [...lines, ...details, ...why, ...below(one.remedy, '→ '), ...page];
};

const formatGroup = (
  title: string,
  findings: readonly Finding[],
  options: FormatOptions & { readonly isWhole: boolean },
): string => {
  const level = worst(findings);
  const shown = options.isWhole ? findings : findings.filter((one) => one.level !== 'green');
  const head = `${options.colours.bold(title)}  ${options.colours[level](level)}`;
  return [head, ...shown.flatMap((one) => formatFinding(one, options))].join('\n');
};

const SOURCES: Readonly<Record<DoctorReport['source'], string>> = {
  proxy: 'with the state of the running proxy',
  storage: 'no proxy runs here: with the state in its storage',
  none: 'neither the proxy nor its storage is here',
};

/** A group per domain and one for the machine, then a line that counts. */
export const formatReport = (report: DoctorReport, options: FormatOptions): string => {
  const { machine, domains, source } = report;
  const isWhole = options.verbose || domains.length <= MOST_WHOLE;
  const groups = [
    ...domains.map(({ domain, findings }) => formatGroup(domain, findings, { ...options, isWhole })),
    formatGroup('this machine', machine, { ...options, isWhole }),
  ];
  const levels = domains.map(({ findings }) => worst(findings));
  const count = (level: Level): string =>
    options.colours[level](`${levels.filter((one) => one === level).length} ${level}`);
  const more =
    options.verbose || isGreen(report) ? '' : '\n-v says why each finding matters, and shows the evidence';
  const last = `domains: ${count('green')}, ${count('amber')}, ${count('red')} (${SOURCES[source]})${more}`;
  return [...groups, last].join('\n\n');
};

const isGreen = ({ machine, domains }: DoctorReport): boolean =>
  [machine, ...domains.map(({ findings }) => findings)].every((findings) => worst(findings) === 'green');

const asJson = (report: DoctorReport): string => {
  const domains = report.domains.map(({ domain, findings }) => ({
    domain,
    level: worst(findings),
    findings,
  }));
  return JSON.stringify(
    {
      level: isGreen(report)
        ? 'green'
        : worst([...report.machine, ...domains.flatMap(({ findings }) => findings)]),
      ...report,
      domains,
    },
    undefined,
    2,
  );
};

const readCa = async (file: string): Promise<string> => {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new LinkgateError('ERR_USAGE', `file "${file}" cannot be read`, { cause: error });
  }
};

/** @returns 0 all green, 1 otherwise. @throws LinkgateError `ERR_CONFIG_*`, `ERR_CERT_UNKNOWN_NAME`, `ERR_USAGE` */
export const doctorCommand = async (
  names: readonly string[],
  { config, json = false, verbose = false, resolver, ca }: DoctorCommandOptions,
): Promise<number> => {
  const resolvers = resolver === undefined ? undefined : [addressText(resolverAddress(resolver))];
  const caPem = ca === undefined ? undefined : await readCa(ca);
  const settings = await loadSettings(configPath({ config }));
  const { stdout, stderr } = process;
  let done = 0;
  const total = names.length === 0 ? settings.domains.length : names.length;
  const progress = (): void => {
    done += 1;
    if (stderr.isTTY && total > 1) stderr.write(`\r${done === total ? '\u001B[K' : `${done} of ${total}`}`);
  };
  const report = await runDoctor({
    settings,
    domains: names.map(normalizeName),
    ...(resolvers === undefined ? {} : { resolvers }),
    ...(caPem === undefined ? {} : { caPem }),
    // Ctrl-C ends the process: there is nothing to clean up
    signal: new AbortController().signal,
    onDone: progress,
  });
  const width = Math.min(120, stdout.columns ?? 80);
  const text = json ? asJson(report) : formatReport(report, { colours: coloursFor(stdout), width, verbose });
  stdout.write(`${text}\n`);
  return isGreen(report) ? 0 : 1;
};
