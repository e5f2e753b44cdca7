import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { writeConfig } from '../../helpers/linkgate.ts';
import { linkgateCommand } from '../../helpers/linkgate-command.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

// What is printed for good paths: test/app/systemd/units.ts. Whatever runs here lies in a temporary folder, which services do
// not see.
t.test('what services cannot see is said before anything is written', async (t) => {
  const folder = tempDir(t);
  const dir = join(folder, 'units');
  mkdirSync(dir);
  const config = writeConfig(folder, { domains: [{ name: 'links.example.com' }] });
  for (const args of [['print'], ['install', '--dir', dir]]) {
    const said = await linkgateCommand(['systemd', ...args, '--config', config]);
    t.match(said, {
      status: 78,
      stdout: '',
      stderr: /^linkgate: path ".*" lies below "\/.*", which services do not see/,
    });
    t.match(said.stderr, /\nERR_SYSTEMD_UNFIT: /);
  }
  t.strictSame(readdirSync(dir), []);
});

t.test('a configuration that is wrong, a word that is unknown', async (t) => {
  const config = writeConfig(tempDir(t), { nonsense: true });
  t.match(await linkgateCommand(['systemd', 'print', '--config', config]), {
    status: 78,
    stderr: /nonsense/,
  });
  t.equal((await linkgateCommand(['systemd', 'start'])).status, 64);
});
