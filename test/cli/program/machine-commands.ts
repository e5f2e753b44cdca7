import { Command } from 'commander';
import t from 'tap';
import { addMachineCommands } from '../../../src/cli/program/machine-commands.ts';
import { writeConfig } from '../../helpers/linkgate.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

const program = (codes: number[]): Command => {
  const command = new Command('linkgate').exitOverride().configureOutput({ writeErr: () => undefined });
  addMachineCommands(command, ['--config <file>', 'which'], (code) => codes.push(code));
  for (const below of command.commands.flatMap(({ commands }) => commands)) below.exitOverride();
  return command;
};

t.test('each has its words', async (t) => {
  const words = program([]).commands.map((command) => [
    command.name(),
    command.commands.map((below) => below.name()),
  ]);
  t.strictSame(words, [
    ['storage', ['export', 'import']],
    ['systemd', ['print', 'install', 'uninstall']],
  ]);
});

t.test('what a command throws reaches the caller, without an exit code', async (t) => {
  const codes: number[] = [];
  const config = writeConfig(tempDir(t), { nonsense: true });
  for (const words of [
    ['systemd', 'print'],
    ['systemd', 'install'],
    ['storage', 'export', 'out.age'],
  ])
    await t.rejects(program(codes).parseAsync([...words, '--config', config], { from: 'user' }), {
      code: 'ERR_CONFIG_INVALID',
    });
  await t.rejects(program(codes).parseAsync(['storage', 'import'], { from: 'user' }), {
    code: 'commander.missingArgument',
  });
  t.strictSame(codes, []);
});
