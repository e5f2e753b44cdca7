// The reporter of CI and `.ci/run` itself, on TAP as tap 21 writes it and on a stand-in for npm.

import { spawnSync } from 'node:child_process';
import { copyFileSync, chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';

const ci = fileURLToPath(new URL('../../.ci', import.meta.url));

const report = (t: Test, tap: string) => {
  const totals = join(t.testdir({ totals: 'untouched\n' }), 'totals');
  const { status, stdout } = spawnSync(process.execPath, [join(ci, 'report.js'), totals], {
    input: tap,
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { status, lines: stdout.trimEnd().split('\n'), totals: readFileSync(totals, 'utf8').trim() };
};

const FAILING = `TAP version 14
# Subtest: test/core/a.ts
    ok 1 - fine
    # Subtest: outer
        # Subtest: inner
            not ok 1 - should be equal
              ---
              diff: |
                -2
                +1
              ...
            1..1
        not ok 1 - inner # time=1ms
          ---
          at:
            lineNumber: 5
          ...
        1..1
    not ok 2 - outer # time=2ms
    not ok 3 - sibling
      ---
      found: sibling detail
      ...
    ok 4 - later # SKIP needs pebble: apt-get install pebble
    not ok 5 - some day # TODO not yet
    1..5
not ok 1 - test/core/a.ts # time=36ms
# Subtest: test/core/b.ts
    ok 1 - fine
    1..1
ok 2 - test/core/b.ts # time=5ms
# Subtest: test/core/c.ts
    1..0 # no tests found
ok 3 - test/core/c.ts # SKIP no tests found
not ok 4 - test/core/d.ts # time=9ms
  ---
  exitCode: 1
  ...
1..4
# { total: 8, pass: 2, fail: 3, skip: 2, todo: 1 }
# time=45ms
`;

t.test('a line per file, each failure once with its detail, each skip with its reason', async (t) => {
  const { status, lines, totals } = report(t, FAILING);
  t.equal(status, 0, 'the exit code is left to tap');
  t.strictSame(
    lines.filter((line) => /^\S/.test(line)),
    [
      'FAIL test/core/a.ts > outer > inner > should be equal',
      'FAIL test/core/a.ts > sibling',
      'SKIP test/core/a.ts > later: SKIP needs pebble: apt-get install pebble',
      'SKIP test/core/a.ts > some day: TODO not yet',
      'FAIL test/core/a.ts',
      'ok   test/core/b.ts time=5ms',
      'SKIP test/core/c.ts: SKIP no tests found',
      'FAIL test/core/d.ts',
    ],
  );
  const all = lines.join('\n');
  t.match(all, '+1');
  t.match(all, 'found: sibling detail');
  t.match(all, 'exitCode: 1');
  t.notMatch(all, 'lineNumber: 5', 'a failed parent does not repeat its child');
  t.equal(totals, '2 passed, 3 failed, 3 skipped', 'a todo is a test that did not run');
});

t.test('tap leaves zeros out of its totals', async (t) => {
  t.equal(report(t, '1..1\n# { total: 1, pass: 1 }\n').totals, '1 passed, 0 failed, 0 skipped');
});

t.test('a run that broke off leaves the totals untouched', async (t) => {
  t.equal(report(t, '# Subtest: x\n    ok 1 - a\nBail out! gone\n').totals, 'untouched');
});

/** Runs `.ci/run` with an `npm` that does as told; `$totals` in `check` is the file that the reporter would write. */
const runCi = (t: Test, npm: { readonly ci?: string; readonly check?: string }) => {
  const root = t.testdir();
  mkdirSync(join(root, '.ci'));
  mkdirSync(join(root, 'bin'));
  copyFileSync(join(ci, 'run'), join(root, '.ci/run'));
  const lines = [
    '#!/usr/bin/env bash',
    `totals=$(printf %s "$TAP_REPORTER_ARG" | sed -n 2p)`,
    `case "$*" in ci) ${npm.ci ?? ':'} ;; 'run check') ${npm.check ?? ':'} ;; *) exit 9 ;; esac`,
  ];
  writeFileSync(join(root, 'bin/npm'), lines.join('\n'));
  chmodSync(join(root, 'bin/npm'), 0o755);
  const { status, stdout } = spawnSync('bash', [join(root, '.ci/run')], {
    env: { ...process.env, PATH: `${join(root, 'bin')}:${process.env['PATH'] ?? ''}` },
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { status, last: stdout.trimEnd().split('\n').at(-1) };
};

const counted = (line: string, then = ':'): string => `echo '${line}' > "$totals"; ${then}`;

t.test('.ci/run ends with the count and succeeds when all is well', async (t) => {
  const line = '12 passed, 0 failed, 0 skipped';
  t.strictSame(runCi(t, { check: counted(line) }), { status: 0, last: line });
});

t.test('.ci/run fails with the tests, on a skip, when nothing ran and when it cannot install', async (t) => {
  const failed = '10 passed, 2 failed, 0 skipped';
  t.strictSame(runCi(t, { check: counted(failed, 'exit 1') }), { status: 1, last: failed });
  const skipped = '10 passed, 0 failed, 3 skipped';
  t.strictSame(runCi(t, { check: counted(skipped) }), { status: 1, last: skipped });
  const none = '0 passed, 0 failed, 0 skipped';
  t.strictSame(runCi(t, {}), { status: 1, last: none }, 'no test ran');
  t.strictSame(runCi(t, { check: counted(none) }), { status: 1, last: none }, 'tap counted none');
  t.strictSame(runCi(t, { ci: 'exit 1' }), { status: 1, last: none }, 'npm ci failed');
});

t.test('.ci/run demands that nothing skips, and says so to the tests', async (t) => {
  const check = `[ "$LINKGATE_NO_SKIP" = 1 ] && [ "$CI" = true ] && ${counted('1 passed, 0 failed, 0 skipped')}`;
  t.equal(runCi(t, { check }).status, 0);
});
