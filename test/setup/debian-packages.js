// Run by `pretest`, before anything is built (hence plain JS): installs the Debian packages that suites against
// real servers and clients need (programs.json). It never fails the tests: without a program its suites skip,
// and test/helpers/needs.ts turns those skips into failures where CI is set.

import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';

/** To read the lists and to download; a machine without a network is told after this long. */
const NETWORK_TIMEOUT_MS = 120_000;
/** To unpack: long, because a dpkg killed half-way leaves work for a person. */
const UNPACK_TIMEOUT_MS = 300_000;

const APT_OPTIONS = ['-qq', '-o', 'Acquire::Retries=1', '-o', 'Acquire::http::Timeout=15'];

/** @type {{ program: string, package: string, why: string, suites: string }[]} */
const programs = JSON.parse(readFileSync(new URL('programs.json', import.meta.url), 'utf8'));

const onPath = (program) =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return folder !== '';
    } catch {
      return false;
    }
  });

const missing = () => programs.filter((entry) => !onPath(entry.program));
const unique = (words) => [...new Set(words)];
const say = (line) => process.stdout.write(`${line}\n`);

/** Runs apt-get without ever asking; undefined when it went well, else why not. */
const apt = (args, timeout) => {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const result = spawnSync('apt-get', [...APT_OPTIONS, ...args], {
    env,
    timeout,
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  if (result.status === 0) return undefined;
  if (result.error !== undefined) return `apt-get: ${result.error.message}`;
  const firstLine = (result.stderr ?? '').split('\n').find((line) => line.startsWith('E:'));
  return firstLine ?? `apt-get ended with ${result.status ?? result.signal}`;
};

/** Why nothing can be installed here, or undefined when it can. */
const obstacle = () => {
  if (process.env.LINKGATE_NO_APT === '1') return 'LINKGATE_NO_APT is set';
  if (!existsSync('/etc/debian_version') || !onPath('apt-get')) return 'not a Debian system';
  if (process.getuid?.() !== 0) return 'not root';
  return undefined;
};

const install = (wanted) => {
  const packages = unique(wanted.map((entry) => entry.package));
  const reasons = wanted.map((entry) => `${entry.program}: ${entry.why}`).join('; ');
  say(`tests: installing ${packages.join(', ')} with apt-get (${reasons})`);
  const args = ['install', '-y', '--no-install-recommends'];
  return (
    apt(['update'], NETWORK_TIMEOUT_MS) ??
    apt([...args, '--download-only', ...packages], NETWORK_TIMEOUT_MS) ??
    apt([...args, ...packages], UNPACK_TIMEOUT_MS)
  );
};

const wanted = missing();
const reason = wanted.length === 0 ? undefined : (obstacle() ?? install(wanted));
const left = wanted.length === 0 ? wanted : missing();
if (left.length > 0) {
  const suites = unique(left.map((entry) => entry.suites)).join(', ');
  const packages = unique(left.map((entry) => entry.package)).join(' ');
  say(
    `tests: will skip ${suites} (${reason ?? 'still missing'}); to enable: apt-get install --no-install-recommends ${packages}`,
  );
}
