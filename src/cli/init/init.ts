// `linkgate init`: a first configuration from flags, or from questions where a person sits at a terminal. Ends with the DNS
// records to create and the next command. Never overwrites a file.

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { findTarget, showRecords, type FoundTarget } from '../../app/commands/dns.ts';
import { findHstsAbove } from '../../app/commands/hsts-above.ts';
import { configuredName } from '../../config/values/configured-name.ts';
import { firstConfig } from '../../config/first-config.ts';
import { loadSettings } from '../../config/load.ts';
import { LinkgateError } from '../../core/errors.ts';
import type { Settings } from '../../core/settings.ts';
import { formatDns } from '../commands/dns.ts';
import { DEFAULTS, PROBLEMS, type Answered, type Given } from './init-answers.ts';
import { coloursFor } from '../terminal/paint.ts';
import { addressText, resolverAddress } from '../arguments/resolver-address.ts';

export interface InitOptions {
  readonly config?: string;
  readonly region?: string;
  readonly domain: readonly string[];
  readonly email?: string;
  readonly storage?: string;
  readonly ca?: string;
  readonly to: readonly string[];
  readonly resolver: readonly string[];
  readonly yes?: boolean;
}

const refuse = (problem: string | undefined): void => {
  if (problem !== undefined) throw new LinkgateError('ERR_USAGE', problem);
};

const read = (options: InitOptions): Given => {
  const { region, email, storage, ca, to } = options;
  const file = options.config ?? process.env['LINKGATE_CONFIG'];
  if (file !== undefined) refuse(PROBLEMS.file(file));
  if (region !== undefined) refuse(PROBLEMS.region(region));
  if (email !== undefined) refuse(PROBLEMS.email(email));
  if (storage !== undefined) refuse(PROBLEMS.storage(storage));
  if (ca !== undefined) refuse(PROBLEMS.directory(ca));
  const domains = options.domain.map((text) => {
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

/** Flags alone: the region and the domains cannot be guessed. */
const withDefaults = ({ file = DEFAULTS.file(), to, ...given }: Given): Answered => {
  const { region, domains, email = '', storage = DEFAULTS.storage(), directory = DEFAULTS.directory } = given;
  if (region === undefined || domains === undefined) {
    const missing = [region === undefined ? '--region' : '', domains === undefined ? '--domain' : ''];
    const names = missing.filter(Boolean).join(' and ');
    throw new LinkgateError('ERR_USAGE', `${names} must be given where there is no terminal to ask on`);
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

/** The records and the next command, for a configuration that was just written. */
const nextSteps = async (
  { file, to }: Answered,
  settings: Settings,
  resolvers: readonly string[],
): Promise<string> => {
  const { stdout } = process;
  const next = [
    'linkgate dns --wait',
    `--config ${quoted(file)}`,
    ...to.map((word) => `--to ${quoted(word)}`),
  ].join(' ');
  let found: FoundTarget;
  try {
    found = findTarget(to, settings.listen.https);
  } catch {
    return `This machine has no public address: say where the internet reaches it.\n\nNext: ${next} --to ADDRESS`;
  }
  const domains = await showRecords({
    settings,
    domains: [],
    target: found.target,
    ...(resolvers.length === 0 ? {} : { resolvers }),
  });
  const by =
    found.by === 'interfaces'
      ? '\n(the address is this machine’s; where the internet reaches it at another: --to)'
      : '';
  const format = { colours: coloursFor(stdout), width: Math.min(160, stdout.columns ?? 120) };
  return `Create these DNS records:${by}\n\n${formatDns(domains, format)}\n\nNext: ${next}`;
};

/**
 * @returns 0; the file is written
 * @throws LinkgateError `ERR_USAGE` for an answer that is wrong or missing, a file that is there or cannot be written
 */
export const initCommand = async (options: InitOptions): Promise<number> => {
  const { stdin, stdout, stderr } = process;
  const resolvers = options.resolver.map((text) => addressText(resolverAddress(text)));
  const given = read(options);
  const signal = AbortSignal.timeout(600_000);
  const lookAbove = (name: string): ReturnType<typeof findHstsAbove> =>
    findHstsAbove(name, { signal, ...(resolvers.length === 0 ? {} : { resolvers }) });
  const isAsking = stdin.isTTY === true && stdout.isTTY === true && options.yes !== true;
  let answered: Answered | undefined;
  if (isAsking) {
    const { askForAnswers } = await import('./init-questions.ts');
    answered = await askForAnswers(given, lookAbove);
    if (answered === undefined) {
      stderr.write('linkgate: nothing was written\n');
      return 1;
    }
  } else {
    answered = withDefaults(given);
    for (const finding of (await Promise.all(answered.answers.domains.map(lookAbove))).flat()) {
      stderr.write(`linkgate: ${finding.what}: ${finding.why}\n`);
    }
  }
  await store(answered.file, firstConfig(answered.answers));
  const settings = await loadSettings(answered.file);
  stdout.write(`wrote ${answered.file}\n\n${await nextSteps(answered, settings, resolvers)}\n`);
  return 0;
};
