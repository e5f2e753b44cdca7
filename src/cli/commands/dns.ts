// `linkgate dns`: the records that each domain needs, next to those that exist; with --wait until they are everywhere.

import { stripVTControlCharacters } from 'node:util';
import {
  createFindServers,
  findTarget,
  showRecords,
  type DomainRecords,
  type FoundTarget,
} from '../../app/commands/dns.ts';
import { loadSettings } from '../../config/load.ts';
import { normalizeName } from '../../core/domain-name.ts';
import { LinkgateError } from '../../core/errors.ts';
import { durationMs } from '../../core/text/units.ts';
import { zoneLines, type RecordState, type RecordView } from '../../doctor/records.ts';
import { configPath } from '../arguments/config-path.ts';
import { waitForDns } from './dns-wait.ts';
import { coloursFor, type Colours, type Paint } from '../terminal/paint.ts';
import { addressText, resolverAddress } from '../arguments/resolver-address.ts';
import { formatTable } from '../terminal/table.ts';

export interface DnsCommandOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly zone?: boolean;
  readonly wait?: boolean;
  readonly timeout: string;
  readonly to?: readonly string[];
  readonly resolver?: readonly string[];
}

const LONGEST_WAIT_MS = 72 * 3_600_000;
/** Of Cloudflare and Google: when both have a record, the name servers of most readers have it too. */
const PUBLIC_RESOLVERS = ['1.1.1.1', '8.8.8.8'] as const;

const shown = (values: readonly string[]): string => (values.length === 0 ? 'no record' : values.join(', '));

const paintOf = (state: RecordState, { green, amber, red, dim }: Colours): Paint => {
  const paints = {
    ok: green,
    optional: dim,
    missing: red,
    differs: red,
    unsure: amber,
    failed: amber,
  } as const;
  return paints[state];
};

const HEAD = ['STATE', 'TYPE', 'NAME', 'WANTED', 'NOW'] as const;

const cellsOf = (
  { state, type, name, values, now }: RecordView,
  colours: Colours,
): readonly [string, string, string, string, string] => [
  paintOf(state, colours)(state),
  type,
  name,
  shown(values),
  state === 'failed' && now.length === 0 ? '?' : shown(now),
];

const asTable = (records: readonly RecordView[], colours: Colours): string =>
  formatTable([HEAD, ...records.map((record) => cellsOf(record, colours))]);

/** For a narrow terminal: what exists now has its own line, below what is wanted. */
const asStack = (records: readonly RecordView[], colours: Colours): string =>
  formatTable(
    records.flatMap((record) => {
      const [state, type, name, wanted, now] = cellsOf(record, colours);
      return [
        [state, type, name],
        ['', '', `wanted  ${wanted}`],
        ['', '', `now     ${now}`],
      ];
    }),
  );

const MARGIN = 2;

const isTooWide = (text: string, width: number): boolean =>
  text.split('\n').some((line) => MARGIN + stripVTControlCharacters(line).length > width);

export interface FormatOptions {
  readonly colours: Colours;
  /** columns of the terminal */
  readonly width: number;
}

/** A group for each domain, each record with what is wanted and what exists: tables where all of them fit. */
export const formatDns = (domains: readonly DomainRecords[], { colours, width }: FormatOptions): string => {
  const tables = domains.map(({ records }) => asTable(records, colours));
  const isNarrow = tables.some((text) => isTooWide(text, width));
  return domains
    .map(({ domain, records }, index) => {
      const text = isNarrow ? asStack(records, colours) : (tables[index] ?? '');
      return `${colours.bold(domain)}\n${text.replaceAll(/^/gm, ' '.repeat(MARGIN))}`;
    })
    .join('\n\n');
};

const MEANINGS: Readonly<Record<RecordState, string>> = {
  ok: '',
  missing: 'create this record; if another one exists now, replace it',
  differs: 'replace what exists now with what is wanted',
  optional: 'you may leave this record out',
  unsure: 'a CAA record names an account at the CA, and linkgate does not know its own account yet',
  failed: 'no name server answered',
};

/** What a person does about each state that occurs, a line for each; empty when all is there. */
export const explainStates = (domains: readonly DomainRecords[]): string => {
  const states = new Set(domains.flatMap(({ records }) => records.map(({ state }) => state)));
  return Object.entries(MEANINGS)
    .filter(([state, meaning]) => meaning !== '' && states.has(state as RecordState))
    .map(([state, meaning]) => `${state}: ${meaning}\n`)
    .join('');
};

const sourceLine = ({ target, by }: FoundTarget): string => {
  const where = 'name' in target ? target.name : target.addresses.join(', ');
  const how = {
    word: '',
    listen: ', by `listen`',
    interfaces: ', an address of this machine (if another one: --to ADDRESS)',
  };
  return `this proxy: ${where}${how[by]}`;
};

const isOpen = ({ records }: DomainRecords): boolean =>
  // an optional record that exists and is wrong is in the way: CAA that forbids the CA
  records.some(({ state, optional }) => state === 'differs' || (!optional && state !== 'ok'));

const asJson = ({ target }: FoundTarget, domains: readonly DomainRecords[]): string =>
  JSON.stringify(
    {
      target,
      domains: domains.map(({ domain, records }) => ({
        domain,
        ready: !isOpen({ domain, records }),
        records: records.map(({ name, type, optional, state, values, now }) => ({
          name,
          type,
          optional,
          state,
          wanted: values,
          now,
        })),
      })),
    },
    undefined,
    2,
  );

const limitOf = (text: string): number => {
  const ms = durationMs(text);
  if (ms !== undefined && ms >= 1_000 && ms <= LONGEST_WAIT_MS) return ms;
  throw new LinkgateError('ERR_USAGE', `option --timeout "${text}" is not a duration from 1s to 72h`);
};

/**
 * @returns 0; with `wait` 1 when the records were not everywhere in time, or Ctrl-C came first
 * @throws LinkgateError `ERR_CONFIG_*`, `ERR_USAGE`, `ERR_CERT_UNKNOWN_NAME`
 */
export const dnsCommand = async (names: readonly string[], options: DnsCommandOptions): Promise<number> => {
  const { config, json = false, zone = false, wait = false } = options;
  if ([json, zone, wait].filter(Boolean).length > 1) {
    throw new LinkgateError('ERR_USAGE', 'options --json, --zone and --wait exclude each other');
  }
  const limitMs = limitOf(options.timeout);
  const resolvers = (options.resolver ?? []).map(resolverAddress);
  const settings = await loadSettings(configPath({ config }));
  const found = findTarget(options.to ?? [], settings.listen.https);
  const own = resolvers.map(addressText);
  const domains = await showRecords({
    settings,
    domains: names.map(normalizeName),
    target: found.target,
    ...(own.length === 0 ? {} : { resolvers: own }),
  });
  const { stdout } = process;
  const print = (text: string): void => void stdout.write(`${text}\n`);
  if (json) {
    print(asJson(found, domains));
    return 0;
  }
  if (zone) {
    const lines = domains.flatMap(({ domain, records }) => [`; ${domain}`, ...zoneLines(records)]);
    // several aliases may share the CAA record at their end: print it once
    print([...new Set([`; ${sourceLine(found)}`, ...lines])].join('\n'));
    return 0;
  }
  const colours = coloursFor(stdout);
  const records = formatDns(domains, { colours, width: Math.min(160, stdout.columns ?? 120) });
  print(`${sourceLine(found)}\n\n${records}\n\n${explainStates(domains)}`.trimEnd());
  if (!wait) {
    const open = domains.filter(isOpen);
    const next = open.length === 0 ? 'every record is there' : 'when you have set them: linkgate dns --wait';
    print(`\n${domains.length - open.length} of ${domains.length} ready; ${next}`);
    return 0;
  }
  print('');
  return waitForDns({
    watched: domains,
    findServers: createFindServers(resolvers.length > 0 ? resolvers.slice(0, 1) : []),
    resolvers: own.length > 0 ? own : PUBLIC_RESOLVERS.map((host) => addressText({ host, port: 53 })),
    limitMs,
    colours,
    stdout,
  });
};
