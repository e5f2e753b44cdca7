#!/usr/bin/env node
// Words in, exit code out: picks the command and loads only that command's code. The one place that catches for all.

import { Command, CommanderError } from 'commander';
import { ERRORS, GateError } from '../core/errors.ts';
import { packageVersion } from '../core/version.ts';
import { addCertsCommands } from './certs.ts';
import type { DnsCommandOptions } from './dns.ts';
import type { DoctorCommandOptions } from './doctor.ts';
import type { InitOptions } from './init.ts';

/** Runs the command named by `argv` (without node and script) and returns the exit code. */
const main = async (argv: readonly string[]): Promise<number> => {
  let code = 0;
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
      const { runCommand } = await import('./run.ts');
      code = await runCommand(options);
    });
  program
    .command('demo')
    .description('try the whole product on this machine, with nothing else installed')
    .option('--https <address:port>', 'where to serve https', '127.0.0.1:8443')
    .option('--http <address:port>', 'where to serve http', '127.0.0.1:8080')
    .option('--admin <address:port>', 'where to serve metrics, health and status', '127.0.0.1:9464')
    .action(async (options: { https: string; http: string; admin: string }) => {
      const { demoCommand } = await import('./demo.ts');
      code = await demoCommand(options);
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
      const { initCommand } = await import('./init.ts');
      code = await initCommand(options);
    });
  program
    .command('check')
    .description('validate the configuration and print the effective settings')
    .option(...configOption)
    .option('--json', 'print JSON')
    .action(async (options: { config?: string; json?: boolean }) => {
      const { checkCommand } = await import('./check.ts');
      code = await checkCommand(options);
    });
  program
    .command('status')
    .description('how the running proxy and each of its domains stand')
    .option(...configOption)
    .option('--json', 'print JSON')
    .option('--watch', 'again every two seconds, until Ctrl-C')
    .action(async (options: { config?: string; json?: boolean; watch?: boolean }) => {
      const { statusCommand } = await import('./status.ts');
      code = await statusCommand(options);
    });
  program
    .command('reload')
    .description('make the running proxy read its configuration again')
    .option(...configOption)
    .action(async (options: { config?: string }) => {
      const { reloadCommand } = await import('./reload.ts');
      code = await reloadCommand(options);
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
      const { doctorCommand } = await import('./doctor.ts');
      code = await doctorCommand(domains, options);
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
      const { dnsCommand } = await import('./dns.ts');
      code = await dnsCommand(domains, options);
    });
  addCertsCommands(program, configOption, (exit) => {
    code = exit;
  });

  program
    .command('completion <shell>')
    .description('print what completes commands in bash, zsh or fish')
    .action(async (shell: string) => {
      const { completionScript } = await import('./completion.ts');
      process.stdout.write(`${completionScript(program, shell)}\n`);
    });

  await program.parseAsync(argv, { from: 'user' });
  return code;
};

/** Says what went wrong on stderr and returns the exit code. */
const report = (error: unknown): number => {
  // commander has printed its own line; help and version that were asked for are no mistake
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : ERRORS.ERR_USAGE.exit;
  const known = error instanceof GateError && error.code !== 'ERR_INTERNAL';
  const message = error instanceof Error ? error.message : String(error);
  if (known) {
    process.stderr.write(`linkgate: ${message}\n${error.code}: ${error.entry.help}\n`);
    if (debugging()) process.stderr.write(`${stackOf(error)}\n`);
    return error.entry.exit;
  }
  process.stderr.write(`linkgate: ${ERRORS.ERR_INTERNAL.help}: ${message.replaceAll('\n', ' ')}\n`);
  if (debugging()) process.stderr.write(`${stackOf(error)}\n`);
  return ERRORS.ERR_INTERNAL.exit;
};

const debugging = (): boolean => ['debug', 'trace'].includes(process.env['LINKGATE_LOG_LEVEL'] ?? '');

const stackOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);

// a reader that has seen enough (`linkgate check | head`) is no error
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}
process.on('uncaughtException', (error) => process.exit(report(error)));

/** A handle that a command forgot must not keep the process up. */
const LAST_EXIT_MS = 2000;

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = report(error);
}
setTimeout(() => process.exit(), LAST_EXIT_MS).unref();
