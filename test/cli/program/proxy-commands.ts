import { Command } from 'commander';
import t from 'tap';
import { addProxyCommands, each } from '../../../src/cli/program/proxy-commands.ts';
import { writeConfig } from '../../helpers/linkgate.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

const program = (codes: number[]): Command => {
  const command = new Command('linkgate').exitOverride().configureOutput({ writeErr: () => undefined });
  addProxyCommands(command, ['--config <file>', 'which'], (code) => codes.push(code));
  for (const below of command.commands) below.exitOverride();
  return command;
};

t.test('the commands, in the order of --help', async (t) => {
  t.strictSame(
    program([]).commands.map((command) => command.name()),
    ['run', 'demo', 'init', 'check', 'status', 'reload'],
  );
});

t.test('an error of a command reaches the caller, without an exit code', async (t) => {
  const codes: number[] = [];
  const config = writeConfig(tempDir(t), { nonsense: true });
  for (const words of [['run'], ['check'], ['status'], ['reload']])
    await t.rejects(program(codes).parseAsync([...words, '--config', config], { from: 'user' }), {
      code: 'ERR_CONFIG_INVALID',
    });
  t.strictSame(codes, []);
});

t.test('an option that may be repeated keeps all its values', async (t) => {
  t.strictSame(each('b', each('a', [])), ['a', 'b']);
});
