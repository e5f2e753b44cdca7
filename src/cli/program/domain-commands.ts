// The commands about domains: their findings, their DNS records, their end. Part of the table in program.ts.

import type { Command } from 'commander';
import type { DnsCommandOptions } from '../commands/dns.ts';
import type { DoctorCommandOptions } from '../commands/doctor.ts';
import type { RetireOptions } from '../commands/retire.ts';
import { each } from './proxy-commands.ts';

export const addDomainCommands = (
  program: Command,
  configOption: readonly [string, string],
  done: (code: number) => void,
): void => {
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
    .description('the DNS records each domain needs, next to those that are there')
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
};
