// The table of commands: every command says what it does and shows examples that would run.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import t from 'tap';
import { createProgram } from '../../../src/cli/program/program.ts';
import { linkgateCommand } from '../../helpers/linkgate-command.ts';

const all = (command: Command): readonly Command[] => [command, ...command.commands.flatMap(all)];

t.test('every command has a description, and --json where it prints a table', async (t) => {
  const commands = all(createProgram(() => undefined));
  t.ok(commands.length > 15);
  for (const command of commands) t.match(command.description(), /^[a-zA-Z].*[^.]$/, command.name());
  for (const name of ['status', 'doctor', 'dns', 'check', 'retire', 'list'])
    t.ok(
      commands.find((command) => command.name() === name)?.options.some(({ long }) => long === '--json'),
      name,
    );
});

t.test(
  '--help has the commands in the order of the first steps, and says where the documents are',
  async (t) => {
    const { stdout } = await linkgateCommand(['--help']);
    const names = [...stdout.matchAll(/^ {2}([a-z]+) (?:\[|<| )/gm)].map(([, name]) => name);
    t.strictSame(names.slice(0, 5), ['init', 'run', 'dns', 'doctor', 'status']);
    const folder = /\nDocumentation: (.+)\n$/.exec(stdout)?.[1] ?? '';
    t.ok(existsSync(join(folder, 'getting-started.md')), folder);
  },
);

t.test('--help shows examples, of commands below commands too', async (t) => {
  const { status, stdout } = await linkgateCommand(['dns', '--help']);
  t.equal(status, 0);
  t.match(stdout, /\nExamples:\n {2}linkgate dns +shows what is wanted, and what exists now\n/);
  t.match(
    (await linkgateCommand(['certs', 'import', '--help'])).stdout,
    /\nExamples:\n {2}linkgate certs import /,
  );
  t.match((await linkgateCommand(['--help'])).stdout, /\nExamples:\n {2}linkgate demo /);
  const helps = (command: Command): string[] => {
    let text = '';
    command.configureOutput({ writeOut: (some) => (text += some), getOutHelpWidth: () => 80 }).outputHelp();
    return [text, ...command.commands.flatMap(helps)];
  };
  for (const text of helps(createProgram(() => undefined)))
    for (const line of text.split('\n'))
      if (!line.startsWith('Documentation: ')) t.ok(line.length <= 80, line);
});
