// Each example of the help is a command line that the table of commands takes.

import type { Command } from 'commander';
import t from 'tap';
import { EXAMPLES } from '../../../src/cli/program/examples.ts';
import { createProgram } from '../../../src/cli/program/program.ts';

/** Commands that do nothing but say which they are. */
const silent = (command: Command, ran: string[], path = ''): void => {
  command.configureOutput({ writeErr: () => undefined, writeOut: () => undefined }).exitOverride();
  for (const below of command.commands) silent(below, ran, `${path} ${below.name()}`.trim());
  if (command.commands.length === 0) command.action(() => void ran.push(path));
};

const pathsOf = (command: Command, path = ''): readonly string[] => [
  path,
  ...command.commands.flatMap((below) => pathsOf(below, `${path} ${below.name()}`.trim())),
];

t.test('every command has one, and nothing else has', async (t) => {
  t.strictSame(Object.keys(EXAMPLES).toSorted(), pathsOf(createProgram(() => undefined)).toSorted());
});

t.test('each is parsed to the command it is for, and is short', async (t) => {
  for (const [path, examples] of Object.entries(EXAMPLES))
    for (const { words, does } of examples) {
      const ran: string[] = [];
      const program = createProgram(() => undefined);
      silent(program, ran);
      const line = /linkgate ([^)]*)/.exec(words)?.[1] ?? '';
      await program.parseAsync(line.split(' '), { from: 'user' });
      t.ok(ran[0]?.startsWith(path), `${words} runs ${ran[0]}`);
      t.ok(words.length <= 70 && does.length <= 50, words);
    }
});
