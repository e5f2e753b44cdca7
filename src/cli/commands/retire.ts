// `linkgate retire`: back to Customer.io's default domain, without a lost link. It explains the way, shows the traffic that is
// left, and with --now removes the name from the configuration, which ends the domain.

import { askStatus, type RunningStatus } from '../../app/admin/ask-status.ts';
import { archiveCertificate } from '../../app/commands/retire.ts';
import { untilSignal } from '../../app/until-signal.ts';
import { loadSettings } from '../../config/load.ts';
import { removeDomain } from '../../config/remove-domain.ts';
import { systemClock } from '../../core/platform/clock.ts';
import { documentPath } from '../../core/platform/document-path.ts';
import type { DayCount } from '../../core/day-count.ts';
import { normalizeName, unknownDomain } from '../../core/domain-name.ts';
import { LinkgateError } from '../../core/errors.ts';
import type { Settings } from '../../core/settings.ts';
import { configPath } from '../arguments/config-path.ts';
import { reloadCommand } from './reload.ts';
import { formatTable, widthOfStream, wrapWithin } from '../terminal/table.ts';

export interface RetireOptions {
  readonly config?: string;
  readonly watch?: boolean;
  readonly now?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const KINDS = ['click', 'open', 'unsubscribe', 'view', 'preferences', 'other'] as const;
const WATCH_EVERY_MS = 60_000;
/** today and yesterday (UTC): a domain that served requests in these days is in use */
const RECENT_DAYS = 2;

const sumOf = (kinds: DayCount['kinds']): number =>
  Object.values(kinds).reduce((sum, count) => sum + count, 0);

/** A row a day, newest first. */
export const formatDays = (days: readonly DayCount[]): string =>
  formatTable([
    ['DAY (UTC)', ...KINDS.map((kind) => kind.toUpperCase()), 'ALL'],
    ...days.map(({ date, kinds }) => [
      date,
      ...KINDS.map((kind) => String(kinds[kind] ?? 0)),
      String(sumOf(kinds)),
    ]),
  ]);

/** The steps, as wide as the terminal, but not wider than is easy to read. */
export const explain = (name: string, width: number): string => {
  const room = Math.min(width, 100);
  const step = (number: number, text: string): string =>
    wrapWithin(text, room, '     ').replace('     ', `  ${number}. `);
  return [
    `Back to the default domain of Customer.io, without a lost link:`,
    '',
    step(
      1,
      `In Customer.io, where ${name} is set as the domain of tracked links, change the host name to one that does not exist, such as retired-${name}, and verify it. That fails, and from then on links in new mail use the default domain.`,
    ),
    step(
      2,
      `Mail already sent holds links to ${name} for years: leave its DNS records as they are. linkgate keeps serving these links and keeps renewing the certificate.`,
    ),
    step(
      3,
      `When the traffic below has ended: linkgate retire ${name} --now. Only then remove the DNS records.`,
    ),
  ].join('\n');
};

type Row = RunningStatus['domains'][number];

const askRow = async (settings: Settings, name: string, signal: AbortSignal): Promise<Row | undefined> => {
  try {
    const { domains } = await askStatus(settings.listen.admin, signal, settings.admin);
    return domains.find((row) => row.name === name);
  } catch (error) {
    if (error instanceof LinkgateError && error.code === 'ERR_ADMIN_UNREACHABLE') return undefined;
    throw error;
  }
};

const trafficText = (row: Row | undefined): string => {
  if (row === undefined) return 'no proxy runs here with this configuration: its traffic is not known';
  return row.days.length === 0 ? 'no request came for it since the proxy started' : formatDays(row.days);
};

const recent = (row: Row | undefined): number =>
  (row?.days ?? []).slice(0, RECENT_DAYS).reduce((sum, { kinds }) => sum + sumOf(kinds), 0);

const stopServing = async (
  name: string,
  { settings, path, row, yes }: { settings: Settings; path: string; row: Row | undefined; yes: boolean },
): Promise<number> => {
  if (settings.domains.length === 1) {
    throw new LinkgateError(
      'ERR_USAGE',
      `domain "${name}" is the only one: stop the proxy instead (${documentPath('how-do-i.md#stop-it')})`,
    );
  }
  const used = recent(row);
  if (used > 0 && !yes) {
    process.stderr.write(
      `linkgate: domain "${name}" served ${used} ${used === 1 ? 'request' : 'requests'} today or yesterday (UTC): nothing was changed\n` +
        'such requests would be lost from now on; --yes stops serving the domain anyway\n',
    );
    return 1;
  }
  const changed = await removeDomain(path, name);
  process.stdout.write(`${changed}: removed ${name}\n`);
  if (settings.certificates.keepServing === true) await archiveCertificate(settings, name);
  if (row === undefined) {
    process.stdout.write('no proxy runs here: it will not serve the name when it starts\n');
    return 0;
  }
  return reloadCommand({ config: path });
};

/**
 * @returns 0; with `now` 1 when the name is still in use, 78 when the running proxy refused the changed configuration
 * @throws LinkgateError `ERR_CONFIG_*`, `ERR_CERT_UNKNOWN_NAME`, `ERR_USAGE`, `ERR_RELOAD_DENIED`
 */
export const retireCommand = async (
  domain: string,
  { config, watch = false, now = false, yes = false, json = false }: RetireOptions,
): Promise<number> => {
  if ([watch, now, json].filter(Boolean).length > 1) {
    throw new LinkgateError('ERR_USAGE', 'options --watch, --now and --json exclude each other');
  }
  const path = configPath({ config });
  const settings = await loadSettings(path);
  const name = normalizeName(domain);
  const names = settings.domains.map((one) => one.name);
  if (!names.includes(name)) throw unknownDomain(name, names);
  const stop = new AbortController();
  const { stdout } = process;
  const row = await askRow(settings, name, stop.signal);
  if (now) return stopServing(name, { settings, path, row, yes });
  if (json) {
    const days = row?.days ?? [];
    stdout.write(`${JSON.stringify({ domain: name, running: row !== undefined, days }, undefined, 2)}\n`);
    return 0;
  }
  // before the text: a person who has read it may press Ctrl-C at once
  if (watch) void untilSignal().asked.then(() => stop.abort());
  stdout.write(`${explain(name, widthOfStream(process.stdout))}\n\n${trafficText(row)}\n`);
  if (!watch) return 0;
  let before = trafficText(row);
  while (!stop.signal.aborted) {
    await systemClock.sleep(WATCH_EVERY_MS, stop.signal);
    if (stop.signal.aborted) break;
    const text = trafficText(await askRow(settings, name, stop.signal));
    const at = new Date(systemClock.now()).toISOString().slice(0, 16);
    stdout.write(text === before ? `${at}Z nothing new\n` : `\n${at}Z\n${text}\n`);
    before = text;
  }
  return 0;
};
