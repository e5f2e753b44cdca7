// What people get: the package as `npm pack` makes it, installed for a whole system into an empty place.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { writeConfig } from '../../helpers/linkgate.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

const npm = (args: readonly string[], cwd: string): string => {
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd, encoding: 'utf8', timeout: 120_000 });
  if (status !== 0) throw new Error(`npm ${args.join(' ')}: ${stderr}`);
  return stdout;
};

t.test('npm pack, npm install -g, and it works', { timeout: 180_000 }, async (t) => {
  const folder = tempDir(t);
  // without scripts: `prepare` would build into dist while other suites run it
  const packed = npm(['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], ROOT).trim();
  const prefix = join(folder, 'prefix');
  npm(
    [
      'install',
      '--global',
      '--prefix',
      prefix,
      '--prefer-offline',
      '--no-audit',
      '--no-fund',
      join(folder, packed),
    ],
    folder,
  );
  const installed = join(prefix, 'lib', 'node_modules', 'linkgate');
  t.strictSame(readdirSync(installed).toSorted(), [
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'config',
    'deploy',
    'dist',
    'docs',
    'node_modules',
    'package.json',
    'systemd',
  ]);
  t.ok(existsSync(join(prefix, 'share', 'man', 'man1', 'linkgate.1')), '`man linkgate` finds its page');
  t.ok(existsSync(join(installed, 'docs', 'operations.md')), 'the documents that the alert rules name');
  for (const tool of ['tap', 'typescript', 'prettier', 'http-proxy'])
    t.notOk(existsSync(join(installed, 'node_modules', tool)), `${tool} is not shipped`);

  const linkgate = (...args: string[]) =>
    spawnSync(join(prefix, 'bin', 'linkgate'), args, {
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '' },
      encoding: 'utf8',
      timeout: 30_000,
    });
  const help = linkgate('--help').stdout;
  const documents = /\nDocumentation: (.+)\n$/.exec(help)?.[1] ?? '';
  t.ok(existsSync(join(documents, 'migrate.md')), '`linkgate --help` leads to the documents');
  t.match(realpathSync(documents), realpathSync(installed), 'to those of the installed package');
  mkdirSync(join(folder, 'certs'), { mode: 0o700 });
  t.match(linkgate('--version'), { status: 0, stdout: /^\d+\.\d+\.\d+\n$/ });
  const config = writeConfig(folder, {
    listen: { https: '127.0.0.1:0', http: '127.0.0.1:0', admin: '127.0.0.1:0' },
    certificates: { storage: { type: 'file', path: join(folder, 'certs') }, issuers: [{ type: 'local' }] },
    domains: [{ name: 'links.example.com' }],
  });
  t.match(linkgate('check', '--config', config), { status: 0, stderr: '' });
  t.match(linkgate('certs', 'list', '--config', config), { status: 0, stdout: /links\.example\.com/ });
});
