// The commands of the first day, in the order of docs/getting-started.md: init, run, dns, doctor. Part of the table in program.ts.

import type { Command } from 'commander';
import type { DnsCommandOptions } from '../commands/dns.ts';
import type { DoctorCommandOptions } from '../commands/doctor.ts';
import type { InitOptions } from '../init/init.ts';
import type { ConfigOption, Done } from './table.ts';

/** An option that may be repeated. */
const each = (word: string, before: readonly string[] = []): readonly string[] => [...before, word];

const addTarget = (command: Command): Command =>
  command.option(
    '--to <address|name>',
    'where the internet reaches this proxy; repeat it for more addresses',
    each,
  );

const addResolvers = (command: Command): Command =>
  command.option(
    '--resolver <address[:port]>',
    'name server to ask instead of the system’s; repeat it for more',
    each,
  );

const addInit = (program: Command, done: Done): void => {
  const init = program
    .command('init')
    .description('write a first configuration, and show the DNS records to create')
    .option('--config <file>', 'the file to write; an existing file is not overwritten')
    .option('--region <region>', 'us or eu: where the Customer.io account lives')
    .option('--domain <name>', 'a domain of your links; repeat it for more', each)
    .option('--email <address>', 'e-mail address for the CA')
    .option('--storage <folder>', 'folder for certificates and keys')
    .option('--ca <word>', 'letsencrypt (default) or letsencrypt-staging');
  addResolvers(addTarget(init))
    .option('--yes', 'ask nothing; take the defaults for what is not given')
    .action(async (options: InitOptions) => {
      const { initCommand } = await import('../init/init.ts');
      done(await initCommand(options));
    });
};

const addDns = (program: Command, configOption: ConfigOption, done: Done): void => {
  const dns = program
    .command('dns [domain...]')
    .description('show the DNS records that each domain needs, next to those that exist')
    .option(...configOption);
  const more = addTarget(dns)
    .option('--zone', 'print lines for a zone file')
    .option('--json', 'print JSON')
    .option('--wait', 'wait until the name servers of the domain and two public resolvers have the records')
    .option('--timeout <duration>', 'how long --wait waits, up to 72h', '72h');
  addResolvers(more).action(async (domains: string[], options: DnsCommandOptions) => {
    const { dnsCommand } = await import('../commands/dns.ts');
    done(await dnsCommand(domains, options));
  });
};

export const addFirstCommands = (program: Command, configOption: ConfigOption, done: Done): void => {
  addInit(program, done);
  program
    .command('run')
    .description('run the proxy in the foreground, until Ctrl-C or SIGTERM')
    .option(...configOption)
    .action(async (options: { config?: string }) => {
      const { runCommand } = await import('../commands/run.ts');
      done(await runCommand(options));
    });
  addDns(program, configOption, done);
  program
    .command('doctor [domain...]')
    .description('check each domain from the outside in, and say how to fix what is wrong; sends no click')
    .option(...configOption)
    .option('-v, --verbose', 'say why each finding matters, and show the evidence')
    .option('--json', 'print JSON')
    .option('--resolver <address[:port]>', 'name server to ask instead of the system’s')
    .option('--ca <file>', 'PEM file of a private CA to trust as well')
    .action(async (domains: string[], options: DoctorCommandOptions) => {
      const { doctorCommand } = await import('../commands/doctor.ts');
      done(await doctorCommand(domains, options));
    });
};
