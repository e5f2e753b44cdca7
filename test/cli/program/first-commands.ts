// The commands of the first day stand in the order of the guide, and their options reach them.

import { Command } from 'commander';
import t from 'tap';
import { addFirstCommands } from '../../../src/cli/program/first-commands.ts';
import { writeConfig } from '../../helpers/linkgate.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

const program = (codes: number[]): Command => {
  const command = new Command('linkgate').exitOverride().configureOutput({ writeErr: () => undefined });
  addFirstCommands(command, ['--config <file>', 'which'], (code) => codes.push(code));
  for (const below of command.commands) below.exitOverride();
  return command;
};

t.test('init, run, dns, doctor: the order of docs/getting-started.md', async (t) => {
  t.strictSame(
    program([]).commands.map((command) => command.name()),
    ['init', 'run', 'dns', 'doctor'],
  );
});

t.test('an option that may be repeated is a list, and nothing when it is not given', async (t) => {
  const command = program([]).commands.find((one) => one.name() === 'dns');
  command?.action(() => undefined);
  await command?.parseAsync(['--to', '203.0.113.7', '--to', '203.0.113.8'], { from: 'user' });
  t.match(command?.opts(), { to: ['203.0.113.7', '203.0.113.8'], timeout: '72h' });
  t.notHas(command?.opts(), 'resolver');
});

t.test('what a command throws reaches the caller, without an exit code', async (t) => {
  const codes: number[] = [];
  const config = writeConfig(tempDir(t), { nonsense: true });
  for (const name of ['run', 'dns', 'doctor'])
    await t.rejects(program(codes).parseAsync([name, '--config', config], { from: 'user' }), {
      code: 'ERR_CONFIG_INVALID',
    });
  await t.rejects(program(codes).parseAsync(['init', '--yes', '--region', 'mars'], { from: 'user' }), {
    code: 'ERR_USAGE',
  });
  t.strictSame(codes, []);
});
