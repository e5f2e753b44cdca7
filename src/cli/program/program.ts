// The table of commands: names, options, examples. `--help`, the man page and the completions come from it. An action loads the code of
// its own command and nothing else.

import { Command } from 'commander';
import { packageVersion } from '../../core/platform/version.ts';
import { addCertsCommands } from '../commands/certs.ts';
import { addDomainCommands } from './domain-commands.ts';
import { EXAMPLES } from './examples.ts';
import { addMachineCommands } from './machine-commands.ts';
import { addProxyCommands } from './proxy-commands.ts';

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

/** @param done - gets the exit code of the command that ran */
export const createProgram = (done: (code: number) => void): Command => {
  const program = new Command('linkgate')
    .description('TLS-terminating reverse proxy for HTTPS link tracking')
    .version(packageVersion())
    .helpCommand(false)
    .showSuggestionAfterError()
    .showHelpAfterError('see linkgate --help')
    // Otherwise a usage mistake ends the process with 1.
    .exitOverride();
  const configOption = [
    '--config <file>',
    'default: $LINKGATE_CONFIG, config/linkgate.yaml, /etc/linkgate/linkgate.yaml',
  ] as const;

  addProxyCommands(program, configOption, done);
  addDomainCommands(program, configOption, done);
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
