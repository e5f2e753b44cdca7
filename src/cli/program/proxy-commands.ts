// The commands about a proxy that runs, and about its configuration: status, check, reload, retire. Part of the table in program.ts.

import type { Command } from 'commander';
import type { CheckOptions } from '../commands/check.ts';
import type { RetireOptions } from '../commands/retire.ts';
import type { StatusOptions } from '../commands/status.ts';
import type { ConfigOption, Done } from './table.ts';

export const addProxyCommands = (program: Command, configOption: ConfigOption, done: Done): void => {
  program
    .command('status')
    .description('show the state of the running proxy and of each domain')
    .option(...configOption)
    .option('--json', 'print JSON')
    .option('--watch', 'show it again every two seconds, until Ctrl-C')
    .action(async (options: StatusOptions) => {
      const { statusCommand } = await import('../commands/status.ts');
      done(await statusCommand(options));
    });
  program
    .command('check')
    .description('check the configuration, and print the effective settings')
    .option(...configOption)
    .option('--json', 'print JSON')
    .action(async (options: CheckOptions) => {
      const { checkCommand } = await import('../commands/check.ts');
      done(await checkCommand(options));
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
    .command('retire <domain>')
    .description(
      'explain the way back to the default domain of Customer.io, and show the traffic that is left',
    )
    .option(...configOption)
    .option('--watch', 'show the traffic again every minute, until Ctrl-C')
    .option('--now', 'stop serving the domain, for good')
    .option('--yes', 'with --now: even when the domain served requests today or yesterday (UTC)')
    .option('--json', 'print JSON')
    .action(async (domain: string, options: RetireOptions) => {
      const { retireCommand } = await import('../commands/retire.ts');
      done(await retireCommand(domain, options));
    });
};
