// The commands about the proxy itself: to start it, set it up and see how it does. Part of the table in program.ts.

import type { Command } from 'commander';
import type { InitOptions } from '../init/init.ts';

/** Collects the values of an option that may be repeated. */
export const each = (word: string, before: readonly string[]): readonly string[] => [...before, word];

export const addProxyCommands = (
  program: Command,
  configOption: readonly [string, string],
  done: (code: number) => void,
): void => {
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
};
