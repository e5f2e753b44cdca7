import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { UNIT_NAMES } from '../../../src/app/systemd/units.ts';
import { writeConfig } from '../../helpers/linkgate.ts';
import { linkgateCommand } from '../../helpers/linkgate-command.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

// The text of the units: test/app/systemd/units.ts. What runs here lies in a temporary folder, which services do not see.
t.test('what services cannot see is a warning with its remedy, and the command goes on', async (t) => {
  const folder = tempDir(t);
  const dir = join(folder, 'units');
  mkdirSync(dir);
  const config = writeConfig(folder, { domains: [{ name: 'links.example.com' }] });
  const printed = await linkgateCommand(['systemd', 'print', '--config', config]);
  t.match(printed, { status: 0, stdout: /^# linkgate\.service\n# Written by/ });
  const installed = await linkgateCommand(['systemd', 'install', '--dir', dir, '--config', config]);
  t.match(installed, { status: 0, stdout: /^written {2}.*linkgate\.service\n/ });
  for (const { stderr } of [printed, installed])
    t.match(
      stderr,
      /^linkgate: warning: configuration ".*" lies below "\/.*", which services do not see: move it to \/etc\/linkgate\/\S+\n/m,
    );
  t.strictSame(readdirSync(dir).toSorted(), UNIT_NAMES.toSorted());
});

t.test('a checkout below /tmp: the warning says how to install, in a document that exists', async (t) => {
  const copy = tempDir(t);
  cpSync(join(ROOT, 'dist'), join(copy, 'dist'), { recursive: true });
  for (const name of ['node_modules', 'docs', 'package.json'])
    symlinkSync(join(ROOT, name), join(copy, name));
  const config = writeConfig(copy, { domains: [{ name: 'links.example.com' }] });
  const main = join(copy, 'dist', 'cli', 'main.js');
  const said = spawnSync(process.execPath, [main, 'systemd', 'print', '--config', config], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  t.match(said, { status: 0, stdout: `${main} run --config` });
  const remedy = new RegExp(
    `program "${main}" lies below .*: install linkgate .* system first: (\\S+)#(\\S+)\n`,
  );
  const [, file = '', anchor] = remedy.exec(said.stderr) ?? [];
  t.match(readFileSync(file, 'utf8'), '\n## 1. Install\n');
  t.equal(anchor, '1-install');
});

t.test(
  'uninstall removes what install wrote, says what stays, and refuses when there is nothing',
  async (t) => {
    const folder = tempDir(t);
    const dir = join(folder, 'units');
    mkdirSync(join(dir, 'linkgate.service.d'), { recursive: true });
    const config = writeConfig(folder, { domains: [{ name: 'links.example.com' }] });
    const systemd = (...words: readonly string[]) =>
      linkgateCommand(['systemd', ...words, '--dir', dir, '--config', config]);
    await systemd('install');
    const { status, stdout, stderr } = await systemd('uninstall');
    t.match({ status, stderr }, { status: 0, stderr: '' });
    t.match(stdout, 'nothing was stopped: ');
    for (const name of UNIT_NAMES) t.match(stdout, `removed  ${join(dir, name)}\n`);
    t.match(stdout, `kept     ${join(dir, 'linkgate.service.d')} (changes of yours)\n`);
    t.match(stdout, `kept     ${config}\n`);
    t.match(stdout, /kept {5}\/var\/lib\/linkgate\/certs\n/);
    t.strictSame(readdirSync(dir), ['linkgate.service.d']);
    t.ok(existsSync(config));
    t.match(await systemd('uninstall'), {
      status: 1,
      stdout: '',
      stderr: /^linkgate: folder ".*" holds no unit that linkgate wrote\nERR_SYSTEMD_ABSENT: /,
    });
  },
);

t.test('a configuration that is wrong, a command that is unknown', async (t) => {
  const config = writeConfig(tempDir(t), { nonsense: true });
  t.match(await linkgateCommand(['systemd', 'print', '--config', config]), {
    status: 78,
    stderr: /nonsense/,
  });
  t.equal((await linkgateCommand(['systemd', 'start'])).status, 64);
});
