// The table of commands: names, options, examples. `--help`, the man page and the completions are written from it. An action
// loads its own command's code and nothing else.

import { Command } from 'commander';
import { packageVersion } from '../../core/platform/version.ts';
import { addCertsCommands } from '../commands/certs.ts';
import type { DnsCommandOptions } from '../commands/dns.ts';
import type { DoctorCommandOptions } from '../commands/doctor.ts';
import { EXAMPLES } from './examples.ts';
import type { InitOptions } from '../init/init.ts';
import { addMachineCommands } from './machine-commands.ts';
import type { RetireOptions } from '../commands/retire.ts';

/** `certs list`; empty for linkgate itself. */
const pathOf = (command: Command): string =>
  command.parent === null ? '' : `${pathOf(command.parent)} ${command.name()}`.trim();

/** columns that a terminal has at least */
const NARROWEST = 80;

const addExamples = (command: Command): void => {
  const examples = EXAMPLES[pathOf(command)] ?? [];
  if (examples.length > 0) {
    const longest = Math.max(...examples.map(({ words }) => words.length));
    const fits = examples.every(({ does }) => longest + does.length + 4 <= NARROWEST);
    const lines = examples.map(({ words, does }) =>
      fits ? `  ${words.padEnd(longest)}  ${does}` : `  ${words}\n      ${does}`,
    );
    command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
  }
  for (const below of command.commands) addExamples(below);
};

/** @param done - hears the exit code of the command that ran */
export const createProgram = (done: (code: number) => void): Command => {
  const program = new Command('linkgate')
    .description('TLS-terminating reverse proxy for HTTPS link tracking')
    .version(packageVersion())
    .helpCommand(false)
    .showSuggestionAfterError()
    .showHelpAfterError('see linkgate --help')
    // without it a usage mistake ends the process with 1
    .exitOverride();
  const configOption = [
    '--config <file>',
    'default: $LINKGATE_CONFIG, config/linkgate.yaml, /etc/linkgate/linkgate.yaml',
  ] as const;

  const each = (word: string, before: readonly string[]): readonly string[] => [...before, word];

  program
    .command('run')
    .description('run the proxy in the foreground until SIGTERM or SIGINT')
    .option(...configOption)
    .action(async (options: { config?: string }) => {
      const { runCommand } = await import('../commands/run.ts');
      done(await runCommand(options));
    });
  program
    .command('demo')
    .description('try the whole product on this machine, with nothing else installed')
    .option('--https <address:port>', 'where to serve https', '127.0.0.1:8443')
    .option('--http <address:port>', 'where to serve http', '127.0.0.1:8080')
    .option('--admin <address:port>', 'where to serve metrics, health and status', '127.0.0.1:9464')
    .action(async (options: { https: string; http: string; admin: string }) => {
      const { demoCommand } = await import('../commands/demo.ts');
      done(await demoCommand(options));
    });
  program
    .command('init')
    .description('write a first configuration, and show the DNS records to create')
    .option('--config <file>', 'the file to write; one that is there is not overwritten')
    .option('--region <region>', 'us or eu: where the Customer.io account lives')
    .option('--domain <name>', 'a domain of your links; repeat it for more', each, [])
    .option('--email <address>', 'for the CA')
    .option('--storage <folder>', 'for certificates and keys')
    .option('--ca <word>', 'letsencrypt (default) or letsencrypt-staging')
    .option(
      '--to <address|name>',
      'where the internet reaches this proxy; repeat it for more addresses',
      each,
      [],
    )
    .option('--resolver <address[:port]>', 'name server to ask instead', each, [])
    .option('--yes', 'ask nothing, take the defaults for what is not given')
    .action(async (options: InitOptions) => {
      const { initCommand } = await import('../init/init.ts');
      done(await initCommand(options));
    });
  program
    .command('check')
    .description('validate the configuration and print the effective settings')
    .option(...configOption)
    .option('--json', 'print JSON')
    .action(async (options: { config?: string; json?: boolean }) => {
      const { checkCommand } = await import('../commands/check.ts');
      done(await checkCommand(options));
    });
  program
    .command('status')
    .description('how the running proxy and each of its domains stand')
    .option(...configOption)
    .option('--json', 'print JSON')
    .option('--watch', 'again every two seconds, until Ctrl-C')
    .action(async (options: { config?: string; json?: boolean; watch?: boolean }) => {
      const { statusCommand } = await import('../commands/status.ts');
      done(await statusCommand(options));
    });
  program
    .command('reload')
    .description('make the running proxy read its configuration again')
    .option(...configOption)
    .action(async (options: { config?: string }) => {
      const { reloadCommand } = await import('../commands/reload.ts');
      done(await reloadCommand(options));
    });
  program
    .command('doctor [domain...]')
    .description('diagnose each domain from outside in; never sends a click')
    .option(...configOption)
    .option('-v, --verbose', 'why each finding matters, and the evidence')
    .option('--json', 'print JSON')
    .option('--resolver <address[:port]>', 'name server to ask instead of the system’s')
    .option('--ca <file>', 'PEM of a private CA to trust as well')
    .action(async (domains: string[], options: DoctorCommandOptions) => {
      const { doctorCommand } = await import('../commands/doctor.ts');
      done(await doctorCommand(domains, options));
    });
  program
    .command('dns [domain...]')
    .description('the DNS records each domain needs, beside those that are there')
    .option(...configOption)
    .option(
      '--to <address|name>',
      'where the internet reaches this proxy; repeat it for more addresses',
      each,
      [],
    )
    .option('--zone', 'print lines for a zone file')
    .option('--json', 'print JSON')
    .option('--wait', 'watch the records spread to the name servers and two public resolvers')
    .option('--timeout <duration>', 'how long --wait looks, up to 72h', '72h')
    .option('--resolver <address[:port]>', 'name server to ask instead; repeat it for more', each, [])
    .action(async (domains: string[], options: DnsCommandOptions) => {
      const { dnsCommand } = await import('../commands/dns.ts');
      done(await dnsCommand(domains, options));
    });
  program
    .command('retire <domain>')
    .description('go back to the default domain: what to do, and the traffic as it falls')
    .option(...configOption)
    .option('--watch', 'again every minute, until Ctrl-C')
    .option('--now', 'stop serving the domain')
    .option('--yes', 'with --now: although links were used within the last day')
    .option('--json', 'print JSON')
    .action(async (domain: string, options: RetireOptions) => {
      const { retireCommand } = await import('../commands/retire.ts');
      done(await retireCommand(domain, options));
    });
  addCertsCommands(program, configOption, done);
  addMachineCommands(program, configOption, done);

  program
    .command('completion <shell>')
    .description('print what completes commands in bash, zsh or fish')
    .action(async (shell: string) => {
      const { completionScript } = await import('./completion.ts');
      process.stdout.write(`${completionScript(program, shell)}\n`);
    });

  addExamples(program);
  return program;
};
