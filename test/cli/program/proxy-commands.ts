import { Command } from 'commander';
import t from 'tap';
import { addProxyCommands } from '../../../src/cli/program/proxy-commands.ts';
import { writeConfig } from '../../helpers/linkgate.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

t.test('each takes --config, and what it throws reaches the caller without an exit code', async (t) => {
  const codes: number[] = [];
  const command = new Command('linkgate').exitOverride().configureOutput({ writeErr: () => undefined });
  addProxyCommands(command, ['--config <file>', 'which'], (code) => codes.push(code));
  const names = command.commands.map((one) => one.name());
  t.strictSame(names, ['status', 'check', 'reload', 'retire']);
  const config = writeConfig(tempDir(t), { nonsense: true });
  for (const name of names) {
    const words = name === 'retire' ? [name, 'links.example.com'] : [name];
    await t.rejects(command.parseAsync([...words, '--config', config], { from: 'user' }), {
      code: 'ERR_CONFIG_INVALID',
    });
  }
  t.strictSame(codes, []);
});
