// The table of commands: names, options, examples. `--help`, the man page and the completions are written from it. An action
// loads its own command's code and nothing else.

import { Command } from 'commander';
import { documentPath } from '../../core/platform/document-path.ts';
import { packageVersion } from '../../core/platform/version.ts';
import { addCertsCommands } from '../commands/certs.ts';
import type { DemoCommandOptions } from '../commands/demo.ts';
import { EXAMPLES } from './examples.ts';
import { addFirstCommands } from './first-commands.ts';
import { addMachineCommands } from './machine-commands.ts';
import { addProxyCommands } from './proxy-commands.ts';
import type { Done } from './table.ts';

/** `certs list`; empty for linkgate itself. */
const pathOf = (command: Command): string =>
  command.parent === null ? '' : `${pathOf(command.parent)} ${command.name()}`.trim();

/** a terminal has at least so many columns */
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

/** @param done - gets the exit code of the command that ran */
export const createProgram = (done: Done): Command => {
  const program = new Command('linkgate')
    .description('TLS-terminating reverse proxy for HTTPS link tracking')
    .version(packageVersion())
    .helpCommand(false)
    .showSuggestionAfterError()
    .showHelpAfterError('see linkgate --help')
    // without it, a usage mistake ends the process with 1
    .exitOverride();
  const configOption = [
    '--config <file>',
    'configuration file (default: $LINKGATE_CONFIG, else config/linkgate.yaml, else /etc/linkgate/linkgate.yaml)',
  ] as const;
  addFirstCommands(program, configOption, done);
  addProxyCommands(program, configOption, done);
  addCertsCommands(program, configOption, done);
  addMachineCommands(program, configOption, done);
  program
    .command('demo')
    .description('try the whole product on this machine, with nothing else installed')
    .option('--https <address:port>', 'where to serve https', '127.0.0.1:8443')
    .option('--http <address:port>', 'where to serve http', '127.0.0.1:8080')
    .option('--admin <address:port>', 'where to serve metrics, health and status', '127.0.0.1:9464')
    .action(async (options: DemoCommandOptions) => {
      const { demoCommand } = await import('../commands/demo.ts');
      done(await demoCommand(options));
    });
  program
    .command('completion <shell>')
    .description('print the script that completes commands in bash, zsh or fish')
    .action(async (shell: string) => {
      const { completionScript } = await import('./completion.ts');
      process.stdout.write(`${completionScript(program, shell)}\n`);
    });

  addExamples(program);
  program.addHelpText('after', `\nDocumentation: ${documentPath('').replace(/\/$/, '')}`);
  return program;
};
