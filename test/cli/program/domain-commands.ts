import { Command } from 'commander';
import t from 'tap';
import { addDomainCommands } from '../../../src/cli/program/domain-commands.ts';
import { writeConfig } from '../../helpers/linkgate.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

const program = (codes: number[]): Command => {
  const command = new Command('linkgate').exitOverride().configureOutput({ writeErr: () => undefined });
  addDomainCommands(command, ['--config <file>', 'which'], (code) => codes.push(code));
  for (const below of command.commands) below.exitOverride();
  return command;
};

t.test('the commands, in the order of --help', async (t) => {
  t.strictSame(
    program([]).commands.map((command) => command.name()),
    ['doctor', 'dns', 'retire'],
  );
});

t.test('an error of a command reaches the caller, without an exit code', async (t) => {
  const codes: number[] = [];
  const config = writeConfig(tempDir(t), { nonsense: true });
  for (const words of [
    ['doctor'],
    ['dns', '--to', '192.0.2.1', '--to', '192.0.2.2'],
    ['retire', 'links.example.com'],
  ])
    await t.rejects(program(codes).parseAsync([...words, '--config', config], { from: 'user' }), {
      code: 'ERR_CONFIG_INVALID',
    });
  await t.rejects(program(codes).parseAsync(['retire'], { from: 'user' }), {
    code: 'commander.missingArgument',
  });
  t.strictSame(codes, []);
});
