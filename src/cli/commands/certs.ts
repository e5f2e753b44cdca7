// `linkgate certs …`: words and tables around app/commands/certs.ts, which does the work.

import type { Command } from 'commander';
import type { Certs } from '../../app/commands/certs.ts';
import type { CertificateStatus } from '../../core/certificate-state.ts';
import { LinkgateError } from '../../core/errors.ts';
import { configPath } from '../arguments/config-path.ts';
import { readPassword } from '../arguments/password.ts';
import { fitTable, formatTable, widthOfStream, wrapWithin } from '../terminal/table.ts';

interface Common {
  readonly config?: string;
  readonly json?: boolean;
}

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const printJson = (value: unknown): void => print(JSON.stringify(value, undefined, 2));

const open = async (config: string | undefined): Promise<Certs> => {
  const { loadSettings } = await import('../../config/load.ts');
  const { openCerts } = await import('../../app/commands/certs.ts');
  const settings = await loadSettings(configPath({ config }));
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort(new LinkgateError('ERR_USAGE', 'command was interrupted')));
  return openCerts(settings, stop.signal);
};

const DAY_MS = 86_400_000;

/** `2026-12-24 (30 days)` */
const expiry = (notAfter: string | null): string => {
  if (notAfter === null) return '-';
  const days = Math.floor((Date.parse(notAfter) - Date.now()) / DAY_MS);
  return `${notAfter.slice(0, 10)} (${days < 0 ? 'past' : `${days} days`})`;
};

const minute = (time: string | null): string =>
  time === null ? '-' : `${time.slice(0, 16).replace('T', ' ')}Z`;

/** The table of `certs list`, each problem in a line of its own below. */
export const formatList = (rows: readonly CertificateStatus[], width = Infinity): string => {
  const head = ['DOMAIN', 'STATE', 'SOURCE', 'ISSUER', 'EXPIRES', 'NEXT ATTEMPT'];
  const cells = rows.map((row) => [
    row.domain,
    row.state,
    row.source ?? '-',
    row.issuer ?? '-',
    expiry(row.notAfter),
    minute(row.nextAttempt),
  ]);
  const problems = rows.flatMap(({ domain, lastProblem }) =>
    lastProblem === null
      ? []
      : [
          wrapWithin(`${domain}: ${lastProblem.type}: ${lastProblem.detail}`, width),
          wrapWithin(lastProblem.remedy, width, '  '),
        ],
  );
  return [fitTable([head, ...cells], width), ...(problems.length === 0 ? [] : ['', ...problems])].join('\n');
};

const shown = (rows: readonly CertificateStatus[], { json }: Common): void =>
  json === true ? printJson(rows) : print(formatList(rows, widthOfStream(process.stdout)));

interface ImportWords extends Common {
  readonly cert?: string;
  readonly key?: string;
  readonly pfx?: string;
  readonly passwordFile?: string;
  readonly dir?: string;
}

const importCommand = async (domain: string | undefined, words: ImportWords): Promise<number> => {
  const { cert, key, pfx, dir, passwordFile, config } = words;
  if (dir !== undefined && domain === undefined) {
    const outcomes = await (await open(config)).importFolder(dir);
    if (outcomes.length === 0) throw new LinkgateError('ERR_USAGE', `folder "${dir}" has no file NAME.pem`);
    for (const { file, problem } of outcomes) {
      if (problem !== undefined) process.stderr.write(`linkgate: ${file}: ${problem.message}\n`);
    }
    shown(
      outcomes.flatMap(({ status }) => (status === undefined ? [] : [status])),
      words,
    );
    return outcomes.some(({ problem }) => problem !== undefined) ? 1 : 0;
  }
  if (domain === undefined)
    throw new LinkgateError('ERR_USAGE', 'domain is missing: give a domain, or --dir');
  if (pfx !== undefined) {
    const certs = await open(config);
    shown([await certs.importPfx(domain, pfx, await readPassword(passwordFile))], words);
    return 0;
  }
  if (cert === undefined || key === undefined) {
    throw new LinkgateError('ERR_USAGE', 'files are missing: give --cert and --key, or --pfx');
  }
  const password = passwordFile === undefined ? undefined : await readPassword(passwordFile);
  shown([await (await open(config)).importPem(domain, cert, key, password)], words);
  return 0;
};

/** @returns the exit code of what went wrong, 1 when several things did */
const renewCommand = async (
  domains: readonly string[],
  words: Common & { force?: boolean },
): Promise<number> => {
  const outcomes = await (await open(words.config)).renew(domains, words.force === true);
  const problems = outcomes.flatMap(({ domain, problem }) =>
    problem === undefined ? [] : [{ domain, problem }],
  );
  for (const { domain, problem } of problems) {
    process.stderr.write(`linkgate: ${domain}: ${problem.message}\n`);
  }
  shown(
    outcomes.flatMap(({ status }) => (status === undefined ? [] : [status])),
    words,
  );
  const exits = new Set(problems.map(({ problem }) => problem.entry.exit));
  return exits.size > 1 ? 1 : ([...exits][0] ?? 0);
};

interface ExportWords extends Common {
  readonly out: string;
  readonly pfx?: boolean;
  readonly ca?: boolean;
  readonly passwordFile?: string;
}

const exportCommand = async (domain: string | undefined, words: ExportWords): Promise<number> => {
  const { out, pfx, ca, passwordFile, config } = words;
  if ((ca === true) === (domain !== undefined)) {
    throw new LinkgateError('ERR_USAGE', 'export needs a domain, or --ca for the root of the local CA');
  }
  const certs = await open(config);
  if (domain === undefined) print(await certs.exportRoot(out));
  else print(await certs.exportTo(domain, out, pfx === true ? await readPassword(passwordFile) : undefined));
  return 0;
};

const details = async (domain: string, words: Common): Promise<void> => {
  const found = await (await open(words.config)).show(domain);
  if (words.json === true) return printJson(found);
  const { chain, versions, names, renewalWindow, fingerprint, serial, lastProblem, ...row } = found;
  const lines: [string, string][] = [
    ['domain', row.domain],
    ['state', row.state],
    ['source', row.source ?? '-'],
    ['issuer', row.issuer ?? '-'],
    ['names', names.join(', ') || '-'],
    ['valid from', minute(row.notBefore)],
    ['valid to', row.notAfter === null ? '-' : `${minute(row.notAfter)}, ${expiry(row.notAfter)}`],
    ['serial', serial ?? '-'],
    ['fingerprint', fingerprint ?? '-'],
    ...chain.map((subject, index): [string, string] => [index === 0 ? 'chain' : '', subject]),
    ['next attempt', minute(row.nextAttempt)],
    [
      'CA asks for renewal',
      renewalWindow === null ? '-' : `${minute(renewalWindow.start)} to ${minute(renewalWindow.end)}`,
    ],
    ['kept', versions.join(', ') || '-'],
    ...(lastProblem === null
      ? []
      : ([
          ['last problem', `${minute(lastProblem.at)} ${lastProblem.type}`],
          ['', lastProblem.detail],
          ['', lastProblem.remedy],
        ] satisfies [string, string][])),
  ];
  return print(formatTable(lines));
};

/** Adds `certs` and its commands to `program`; `done` gets the exit code. */
export const addCertsCommands = (
  program: Command,
  configOption: readonly [string, string],
  done: (code: number) => void,
): void => {
  const certs = program
    .command('certs')
    .description('list, issue, renew, revoke, import and export certificates')
    .helpCommand(false);
  const command = (usage: string, description: string): Command =>
    certs
      .command(usage)
      .description(description)
      .option(...configOption)
      .option('--json', 'print JSON');

  command('list', 'show a row for each domain').action(async (words: Common) =>
    shown(await (await open(words.config)).list(), words),
  );
  command('show <domain>', 'show everything about one domain').action(details);
  command('issue <domain>', 'get a certificate now, for a domain that has none')
    .option('--force', 'also for a domain that has one, in place of an imported one too')
    .action(async (domain: string, words: Common & { force?: boolean }) =>
      shown([await (await open(words.config)).issue(domain, words.force === true)], words),
    );
  command('renew [domain...]', 'renew now what is due')
    .option('--force', 'also what is not due yet')
    .action(async (domains: string[], words: Common & { force?: boolean }) =>
      done(await renewCommand(domains, words)),
    );
  command('revoke <domain>', 'revoke the certificate at the CA; the running proxy orders another one')
    .option(
      '--reason <reason>',
      'unspecified, keyCompromise, affiliationChanged, superseded or cessationOfOperation',
      'unspecified',
    )
    .action(async (domain: string, words: Common & { reason: string }) =>
      shown([await (await open(words.config)).revoke(domain, words.reason)], words),
    );
  command('import [domain]', 'import a certificate of your own')
    .option('--cert <file>', 'PEM file: the certificate and its whole chain')
    .option('--key <file>', 'PEM file: the key')
    .option('--pfx <file>', 'PKCS#12 file: certificate, chain and key')
    .option(
      '--password-file <file>',
      'file whose first line is the password of the key or of the PKCS#12 file',
    )
    .option('--dir <dir>', 'folder: import each NAME.pem in it, which holds chain and key')
    .action(async (domain: string | undefined, words: ImportWords) =>
      done(await importCommand(domain, words)),
    );
  command('export [domain]', 'write key and chain to DOMAIN.pem')
    .requiredOption('--out <path>', 'folder; with --ca a file')
    .option('--pfx', 'write PKCS#12, to DOMAIN.pfx')
    .option('--password-file <file>', 'file whose first line is the password of the PKCS#12 file')
    .option('--ca', 'write the root certificate of the local CA')
    .action(async (domain: string | undefined, words: ExportWords) =>
      done(await exportCommand(domain, words)),
    );
};
