// `linkgate init`: a first configuration from flags, or from questions where a person sits at a terminal. It ends with the DNS
// records to create and the next commands. It never overwrites a file.

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { findTarget, showRecords, type DomainRecords, type FoundTarget } from '../../app/commands/dns.ts';
import { findHstsAbove } from '../../app/commands/hsts-above.ts';
import { configuredName } from '../../config/values/configured-name.ts';
import { firstConfig } from '../../config/first-config.ts';
import { loadSettings } from '../../config/load.ts';
import { LinkgateError } from '../../core/errors.ts';
import { systemClock } from '../../core/platform/clock.ts';
import { withDeadline } from '../../core/platform/deadline.ts';
import { documentPath } from '../../core/platform/document-path.ts';
import type { Settings } from '../../core/settings.ts';
import type { RecordView } from '../../doctor/records.ts';
import { explainStates, formatDns } from '../commands/dns.ts';
import { DEFAULTS, PROBLEMS, type Answered, type Given } from './init-answers.ts';
import { coloursFor } from '../terminal/paint.ts';
import { addressText, resolverAddress } from '../arguments/resolver-address.ts';

/** the names above a domain, each asked once */
const HSTS_LIMIT_MS = 120_000;

export interface InitOptions {
  readonly config?: string;
  readonly region?: string;
  readonly domain?: readonly string[];
  readonly email?: string;
  readonly storage?: string;
  readonly ca?: string;
  readonly to?: readonly string[];
  readonly resolver?: readonly string[];
  readonly yes?: boolean;
}

const refuse = (problem: string | undefined): void => {
  if (problem !== undefined) throw new LinkgateError('ERR_USAGE', problem);
};

const read = (options: InitOptions): Given => {
  const { region, domain = [], email, storage, ca, to = [] } = options;
  const file = options.config ?? process.env['LINKGATE_CONFIG'];
  if (file !== undefined) refuse(PROBLEMS.file(file));
  if (region !== undefined) refuse(PROBLEMS.region(region));
  if (email !== undefined) refuse(PROBLEMS.email(email));
  if (storage !== undefined) refuse(PROBLEMS.storage(storage));
  if (ca !== undefined) refuse(PROBLEMS.directory(ca));
  const domains = domain.map((text) => {
    refuse(PROBLEMS.domain(text));
    const found = configuredName(text);
    return 'name' in found ? found.name : text;
  });
  const twice = domains.find((name, index) => domains.indexOf(name) !== index);
  if (twice !== undefined) throw new LinkgateError('ERR_USAGE', `domain "${twice}" is given twice`);
  return {
    file,
    region: region as Given['region'],
    domains: domains.length === 0 ? undefined : domains,
    email,
    storage,
    directory: ca,
    to,
  };
};

/** Flags alone: linkgate cannot guess the region and the domains. */
const withDefaults = ({ file = DEFAULTS.file(), to, ...given }: Given): Answered => {
  const { region, domains, email = '', storage = DEFAULTS.storage(), directory = DEFAULTS.directory } = given;
  if (region === undefined || domains === undefined) {
    const missing = [region === undefined ? '--region' : '', domains === undefined ? '--domain' : ''];
    const names = missing.filter(Boolean).join(' and ');
    throw new LinkgateError('ERR_USAGE', `${names} must be given, because there is no terminal to ask on`);
  }
  refuse(PROBLEMS.file(file));
  return { file, to, answers: { region, domains, email, storage, directory } };
};

const store = async (file: string, text: string): Promise<void> => {
  try {
    await mkdir(dirname(resolve(file)), { recursive: true });
    await writeFile(file, text, { mode: 0o644, flag: 'wx' });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new LinkgateError('ERR_USAGE', `configuration "${file}" cannot be written: ${code}`, {
      cause: error,
    });
  }
};

const quoted = (word: string): string =>
  /^[\w.:/@+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** The commands of the next steps, as docs/getting-started.md orders them. */
const nextCommands = (file: string, to: readonly string[]): string => {
  const config = `--config ${quoted(file)}`;
  const targets = to.map((word) => ` --to ${quoted(word)}`).join('');
  return [
    'Next: start the proxy, then create the records.',
    `  linkgate systemd install ${config}`,
    `  linkgate run ${config}   # instead of it, in a terminal`,
    `  linkgate dns --wait ${config}${targets}`,
    `  linkgate doctor ${config}`,
    'When doctor is green, verify the domain in Customer.io.',
  ].join('\n');
};

/** It stands before the records, because a person who has read about a record creates it. */
const caution = (domains: readonly DomainRecords[]): string => {
  const named = (isOne: (record: RecordView) => boolean): readonly string[] =>
    domains
      .filter(({ records }) => records.some((record) => record.type !== 'CAA' && isOne(record)))
      .map(({ domain }) => domain);
  const used = named(({ state, now }) => state !== 'ok' && now.length > 0);
  const unknown = named(({ state, now }) => state === 'failed' && now.length === 0);
  const guide = `Read this before you change the record: ${documentPath('migrate.md')}\n\n`;
  if (used.length > 0) {
    const rest = used.length === 1 ? 'is in use: its DNS record leads' : 'are in use: their DNS records lead';
    return `${used.join(', ')} ${rest} somewhere else today. Links in mail already sent depend on it.\n${guide}`;
  }
  if (unknown.length === 0) return '';
  return `The DNS did not answer for ${unknown.join(', ')}. If the domain is in use already, links in mail depend on its record.\n${guide}`;
};

/** The caution, the records and the next commands, for a configuration that was just written. */
const nextSteps = async (
  { file, to }: Answered,
  settings: Settings,
  resolvers: readonly string[],
): Promise<string> => {
  const { stdout } = process;
  let found: FoundTarget;
  try {
    found = findTarget(to, settings.listen.https);
  } catch {
    const next = nextCommands(file, [...to, 'ADDRESS']);
    return `This machine has no public address: give the one where the internet reaches it as ADDRESS.\n\n${next}`;
  }
  const domains = await showRecords({
    settings,
    domains: [],
    target: found.target,
    ...(resolvers.length === 0 ? {} : { resolvers }),
  });
  const by =
    found.by === 'interfaces'
      ? '\n(the address is that of this machine; if the internet reaches it at another one: linkgate dns --to ADDRESS)'
      : '';
  const format = { colours: coloursFor(stdout), width: Math.min(160, stdout.columns ?? 120) };
  const records = `${formatDns(domains, format)}\n\n${explainStates(domains)}`.trimEnd();
  return `${caution(domains)}Create these DNS records:${by}\n\n${records}\n\n${nextCommands(file, to)}`;
};

/**
 * @returns 0; the file is written
 * @throws LinkgateError `ERR_USAGE` for an answer that is wrong or missing, a file that exists or cannot be written
 */
export const initCommand = async (options: InitOptions): Promise<number> => {
  const { stdin, stdout, stderr } = process;
  const resolvers = (options.resolver ?? []).map((text) => addressText(resolverAddress(text)));
  const given = read(options);
  const limit = { clock: systemClock, limitMs: HSTS_LIMIT_MS, late: () => new Error('no answer in time') };
  const askAbove = (name: string): ReturnType<typeof findHstsAbove> =>
    withDeadline(limit, (signal) =>
      findHstsAbove(name, { signal, ...(resolvers.length === 0 ? {} : { resolvers }) }),
    );
  const isAsking = stdin.isTTY === true && stdout.isTTY === true && options.yes !== true;
  let answered: Answered | undefined;
  if (isAsking) {
    const { askForAnswers } = await import('./init-questions.ts');
    answered = await askForAnswers(given, askAbove);
    if (answered === undefined) {
      stderr.write('linkgate: nothing was written\n');
      return 1;
    }
  } else {
    answered = withDefaults(given);
    for (const finding of (await Promise.all(answered.answers.domains.map(askAbove))).flat()) {
      stderr.write(`linkgate: ${finding.what}: ${finding.why}\n`);
    }
  }
  await store(answered.file, firstConfig(answered.answers));
  const settings = await loadSettings(answered.file);
  stdout.write(`wrote ${answered.file}\n\n${await nextSteps(answered, settings, resolvers)}\n`);
  return 0;
};
