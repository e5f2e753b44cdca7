// `linkgate check` of a configuration under deploy/, with the one file that the operator makes.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { linkgateCommand, type CommandResult } from './linkgate-command.ts';
import { tempDir } from './temp-dir.ts';

export const checkDeployed = (t: Test, path: string): Promise<CommandResult> => {
  const folder = tempDir(t);
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, `${'0'.repeat(64)}\n`, { mode: 0o600 });
  const config = join(folder, 'linkgate.yaml');
  writeFileSync(config, readFileSync(path, 'utf8').replace(/tokenFile: .*/, `tokenFile: ${tokenFile}`));
  return linkgateCommand(['check', '--config', config]);
};
