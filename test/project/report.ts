// The reporter of the tests, on TAP as tap 21 writes it.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const program = fileURLToPath(new URL('../setup/report.js', import.meta.url));

const report = (tap: string) => {
  const { status, stdout } = spawnSync(process.execPath, [program], {
    input: tap,
    encoding: 'utf8',
    timeout: 30_000,
  });
  const lines = stdout.trimEnd().split('\n');
  return { status, lines, last: lines.at(-1) };
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
  const { status, lines } = report(FAILING);
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
      // a todo is a test that did not run
      '2 passed, 3 failed, 3 skipped',
    ],
  );
  const all = lines.join('\n');
  t.match(all, '+1');
  t.match(all, 'found: sibling detail');
  t.match(all, 'exitCode: 1');
  t.notMatch(all, 'lineNumber: 5', 'a failed parent does not repeat its child');
});

t.test('tap leaves zeros out of its totals', async (t) => {
  t.equal(report('1..1\n# { total: 1, pass: 1 }\n').last, '1 passed, 0 failed, 0 skipped');
});

t.test('a run that broke off has no totals', async (t) => {
  const { lines } = report('# Subtest: x\n    ok 1 - a\nBail out! gone\n');
  t.strictSame(lines, ['Bail out! gone', 'the run broke off']);
});
