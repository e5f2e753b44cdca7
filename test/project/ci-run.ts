// `.ci/run` with a stand-in for npm: it runs what the README and CONTRIBUTING tell people to run, with `CI` and nothing else set,
// and what it makes of the outcome.

import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { tempDir } from '../helpers/temp-dir.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** What it prints and its exit code, by the words it is called with. */
type Npm = Readonly<Record<string, { readonly prints?: string; readonly exit?: number }>>;

interface Call {
  readonly words: string;
  readonly env: Readonly<Record<string, string>>;
}

const STAND_IN = `#!/usr/bin/env node
const { appendFileSync } = require('node:fs');
const words = process.argv.slice(2).join(' ');
const { answers, calls } = require('./npm.json');
appendFileSync(calls, JSON.stringify({ words: 'npm ' + words, env: process.env }) + '\\n');
const { prints = '', exit = 0 } = answers[words] ?? {};
process.stdout.write(prints + '\\n');
process.exitCode = exit;
`;

const GIVEN = {
  PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
  HOME: '/nowhere',
};

const runCi = (t: Test, answers: Npm) => {
  const root = tempDir(t);
  const bin = join(root, 'bin');
  for (const folder of ['.ci', 'bin']) mkdirSync(join(root, folder));
  const calls = join(root, 'calls');
  copyFileSync(join(ROOT, '.ci/run'), join(root, '.ci/run'));
  writeFileSync(join(bin, 'npm'), STAND_IN);
  chmodSync(join(bin, 'npm'), 0o755);
  writeFileSync(join(bin, 'npm.json'), JSON.stringify({ answers, calls }));
  const env = { ...GIVEN, PATH: `${bin}:${GIVEN.PATH}` };
  const { status, stdout } = spawnSync('bash', [join(root, '.ci/run')], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    timeout: 60_000,
  });
  const called = readFileSync(calls, 'utf8').trimEnd().split('\n');
  const lines = stdout.trimEnd().split('\n');
  return {
    outcome: { status, last: lines.at(-1) },
    why: lines.at(-2),
    env,
    calls: called.map((line) => JSON.parse(line) as Call),
  };
};

const LONG = 'run test:long';
const LONG_GOOD = '30 passed, 0 failed, 0 skipped';

/** what `npm test` prints, next to long tests that pass */
const counted = (prints: string, exit = 0): Npm => ({
  test: { prints, exit },
  [LONG]: { prints: LONG_GOOD },
});
const GOOD = '12 passed, 0 failed, 0 skipped';
const ALL_GOOD = '42 passed, 0 failed, 0 skipped';
const NONE = '0 passed, 0 failed, 0 skipped';

/** The commands of the first block of a document, without their comments. */
const commandsOf = (document: string): readonly string[] =>
  (/```sh\n([^]*?)```/.exec(read(document))?.[1] ?? '')
    .split('\n')
    .map((line) => line.replace(/\s*#.*/, ''))
    .filter((line) => line !== '');

t.test('it runs the commands of the README, then the rest of `npm run check`', async (t) => {
  const { calls } = runCi(t, counted(GOOD));
  const words = calls.map((call) => call.words);
  const [first, second] = commandsOf('README.md');
  t.equal(first?.split(' && ')[0], words[0]);
  t.equal(second, words[1], 'the tests');
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Readonly<Record<string, string>> };
  t.strictSame(scripts['check']?.split(' && '), words.slice(1), 'what CI runs, for people');
  t.match(read('CONTRIBUTING.md'), /\nnpm run check +#[^\n]*: what CI runs\n/);
  for (const call of words.slice(1)) t.type(scripts[call.split(' ').at(-1) ?? ''], 'string', call);
});

t.test('CI is all that its commands have and a newcomer has not', async (t) => {
  const { calls, env } = runCi(t, counted(GOOD));
  t.equal(calls.length, 4);
  // what every shell sets for what it runs
  const own = new Set(['PWD', 'OLDPWD', 'SHLVL', '_']);
  for (const call of calls) {
    const set = Object.entries(call.env).filter(([name]) => !own.has(name));
    t.strictSame(Object.fromEntries(set), { ...env, CI: 'true' }, call.words);
  }
});

t.test('it ends with the count and succeeds when all is well', async (t) => {
  const prints = `ok   test/a.ts time=5ms\n    1 passed, 1 failed, 1 skipped\n${GOOD}`;
  const { outcome, why } = runCi(t, counted(prints));
  t.strictSame(outcome, { status: 0, last: ALL_GOOD });
  t.equal(why, 'ci: all good');
});

t.test('it fails with the tests, on a skip, when nothing ran and when a command fails', async (t) => {
  const ends = (answers: Npm, last: string, why: string, name = why): void => {
    const run = runCi(t, answers);
    t.strictSame(run.outcome, { status: 1, last }, name);
    t.equal(run.why, `ci: ${why}`, name);
  };
  const failed = '10 passed, 2 failed, 0 skipped';
  ends(counted(failed, 1), '40 passed, 2 failed, 0 skipped', 'npm test failed');
  ends(
    counted(failed),
    '40 passed, 2 failed, 0 skipped',
    'nothing may fail or skip here',
    'whatever the exit code',
  );
  const skipped = '10 passed, 0 failed, 3 skipped';
  ends(counted(skipped), '40 passed, 0 failed, 3 skipped', 'nothing may fail or skip here');
  ends({}, NONE, 'npm test ran no test');
  ends(counted(NONE), LONG_GOOD, 'npm test ran no test', 'tap counted none');
  ends(counted('the run broke off', 1), LONG_GOOD, 'npm test failed');
  ends({ ...counted(GOOD), ci: { exit: 1 } }, NONE, 'npm ci failed', 'nothing was tested');
  ends({ ...counted(GOOD), 'run static': { exit: 1 } }, ALL_GOOD, 'npm run static failed');
});

t.test('the long tests count like the others', async (t) => {
  const ends = (long: Npm[string], last: string, why: string): void => {
    const run = runCi(t, { ...counted(GOOD), [LONG]: long });
    t.strictSame(run.outcome, { status: 1, last }, why);
    t.equal(run.why, `ci: ${why}`);
  };
  ends(
    { prints: '29 passed, 1 failed, 0 skipped', exit: 1 },
    '41 passed, 1 failed, 0 skipped',
    'npm run test:long failed',
  );
  ends(
    { prints: '29 passed, 0 failed, 1 skipped' },
    '41 passed, 0 failed, 1 skipped',
    'nothing may fail or skip here',
  );
  ends({}, GOOD, 'npm run test:long ran no test');
});
