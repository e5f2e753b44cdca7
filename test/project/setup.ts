// The set-up of the tests themselves: what is installed before them, and what a suite says when it must skip.

import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { isInstalled, needs, needsRoot } from '../helpers/needs.ts';

const script = fileURLToPath(new URL('../setup/debian-packages.js', import.meta.url));
const isRootOnDebian = process.getuid?.() === 0 && readable('/etc/debian_version');

function readable(path: string): boolean {
  try {
    return readFileSync(path).length >= 0;
  } catch {
    return false;
  }
}

/** A folder that stands for $PATH, with programs that are shell scripts. */
const fakePath = (t: Test, programs: Readonly<Record<string, string>>): string => {
  const folder = t.testdir();
  for (const [name, body] of Object.entries(programs)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  return folder;
};

const runSetup = (path: string, env: Readonly<Record<string, string>> = {}) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], {
    env: { PATH: path, ...env },
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status, lines: stdout.split('\n').filter((line) => line !== ''), stderr };
};

const PROGRAMS = JSON.parse(
  readFileSync(new URL('../setup/programs.json', import.meta.url), 'utf8'),
) as readonly { readonly program: string; readonly package: string }[];

/** every program that the table lists, installed */
const ALL: Readonly<Record<string, string>> = Object.fromEntries(
  PROGRAMS.map(({ program }) => [program, '']),
);

/** `apt-get` that notes its arguments next to itself and on `install` puts the program there. */
const APT = [
  'here=$(/usr/bin/dirname "$0")',
  'echo "$DEBIAN_FRONTEND $*" >> "$here/asked"',
  'case "$*" in *--download-only*) ;; *install*) for name in pebble pebble-challtestsrv; do echo "#!/bin/sh" > "$here/$name"; /bin/chmod 755 "$here/$name"; done ;; esac',
].join('\n');

t.test('with everything there it says nothing and installs nothing', async (t) => {
  const path = fakePath(t, { ...ALL, 'apt-get': 'exit 1' });
  t.strictSame(runSetup(path), { status: 0, lines: [], stderr: '' });
});

t.test('LINKGATE_NO_APT=1 leaves apt alone, names the suites and the one command', async (t) => {
  const { pebble: _, 'pebble-challtestsrv': __, ...rest } = ALL;
  const path = fakePath(t, { ...rest, 'apt-get': APT });
  const { status, lines } = runSetup(path, { LINKGATE_NO_APT: '1' });
  t.equal(status, 0);
  t.equal(lines.length, 1, 'one line for two programs of one package');
  t.match(lines[0], /will skip .*Pebble.*LINKGATE_NO_APT.*apt-get install --no-install-recommends pebble$/);
  t.throws(() => readFileSync(join(path, 'asked')), 'apt-get was not called');
});

t.test('what is missing is installed by root on Debian, and only said elsewhere', async (t) => {
  const { pebble: _, 'pebble-challtestsrv': __, ...rest } = ALL;
  const path = fakePath(t, { ...rest, 'apt-get': APT });
  const { status, lines } = runSetup(path);
  t.equal(status, 0);
  t.equal(lines.length, 1);
  if (!isRootOnDebian) {
    t.match(lines[0], /will skip .* \((not root|not a Debian system)\); to enable: apt-get install/);
    return;
  }
  t.match(lines[0], /installing pebble with apt-get \(pebble: a real ACME CA; /, 'what and why');
  const asked = readFileSync(join(path, 'asked'), 'utf8').trim().split('\n');
  t.equal(asked.length, 3, 'update, download, install');
  t.ok(asked.every((line) => line.startsWith('noninteractive ')));
  t.match(asked[2], / install -y --no-install-recommends pebble$/);
});

t.test('when apt fails the tests still run, and the reason is told', async (t) => {
  const path = fakePath(t, { 'apt-get': 'echo "E: no network" >&2; exit 100' });
  const { status, lines } = runSetup(path);
  t.equal(status, 0);
  const reason = isRootOnDebian ? 'E: no network' : 'not ';
  t.ok(lines.at(-1)?.includes(`(${reason}`), 'the reason stands in brackets');
  const packages = [...new Set(PROGRAMS.map((entry) => entry.package))].join(' ');
  t.ok(lines.at(-1)?.endsWith(`to enable: apt-get install --no-install-recommends ${packages}`), packages);
});

const withEnvironment = (t: Test, changes: Readonly<Record<string, string>>): void => {
  const before = { ...process.env };
  t.teardown(() => {
    process.env = before;
  });
  process.env = { ...before, ...changes };
};

t.test('needs: false for what is installed, the command that installs what is not', async (t) => {
  withEnvironment(t, { PATH: fakePath(t, { curl: '' }), CI: '' });
  t.equal(needs('curl'), false);
  t.equal(needs('pebble'), 'needs pebble: apt-get install pebble');
  t.equal(needs('pebble-challtestsrv'), 'needs pebble-challtestsrv: apt-get install pebble');
  t.equal(needs('nghttp'), 'needs nghttp: apt-get install nghttp2-client');
});

t.test('needs: where nothing may skip, what is missing throws', async (t) => {
  withEnvironment(t, { PATH: fakePath(t, { curl: '' }), CI: 'true' });
  t.equal(needs('curl'), false);
  t.throws(() => needs('pebble'), { message: 'needs pebble: apt-get install pebble' });
});

t.test('needs: a program that the table does not list is a mistake', async (t) => {
  t.throws(() => needs('pebbel'), /does not list 'pebbel'/);
});

t.test('needsRoot: false for root, else a reason, or an error where nothing may skip', async (t) => {
  const getuid = process.getuid;
  t.teardown(() => Object.assign(process, { getuid }));
  withEnvironment(t, { CI: 'true' });
  Object.assign(process, { getuid: () => 0 });
  t.equal(needsRoot(), false);
  Object.assign(process, { getuid: () => 1000 });
  t.throws(needsRoot, { message: 'needs root: run it with sudo' });
  process.env['CI'] = '';
  t.equal(needsRoot(), 'needs root: run it with sudo');
});

t.test('a file without the right to run is not installed', async (t) => {
  const path = fakePath(t, { curl: '' });
  chmodSync(join(path, 'curl'), 0o644);
  withEnvironment(t, { PATH: path });
  t.equal(isInstalled('curl'), false);
});

t.test('tap finds every test file but helpers and set-up', async (t) => {
  const rules = readFileSync(new URL('../../.taprc', import.meta.url), 'utf8');
  t.match(rules, /include:\n {2}- test\/\*\*\/\*\.ts\n/);
  t.match(rules, /exclude:\n {2}- test\/helpers\/\*\*\n {2}- test\/setup\/\*\*\n/);
});
