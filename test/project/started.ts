// What a suite starts is never changed by how the suite is run: with tap's recorder of coverage or without, in a terminal or not.

import { fork, spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { tempDir } from '../helpers/temp-dir.ts';

interface Facts {
  readonly options?: string;
  readonly execArgv: readonly string[];
  readonly colours: readonly string[];
  /** whether tap's recorder is in the process */
  readonly isRecorded: boolean;
}

const FACTS = `({
  options: process.env.NODE_OPTIONS,
  execArgv: process.execArgv,
  colours: Object.keys(process.env).filter((name) => /^(NO_|FORCE_)?COLOR$/.test(name)),
  isRecorded: Symbol.for('@tapjs/processinfo.ProcessInfoNodeData') in globalThis,
})`;
const PRINT = ['-p', `JSON.stringify(${FACTS})`];
const PRELOAD = `--import=${new URL('../setup/typescript.js', import.meta.url).href}`;
const RECORDER = `--import=${import.meta.resolve('@tapjs/processinfo/import')}`;

t.test('by this suite', async (t) => {
  const { stdout } = spawnSync(process.execPath, PRINT, { encoding: 'utf8' });
  t.match(JSON.parse(stdout), { execArgv: PRINT, colours: [], isRecorded: false });

  const program = join(tempDir(t), 'child.mjs');
  writeFileSync(program, `process.send(${FACTS})`);
  const forked = await new Promise<Facts>((resolve, reject) => {
    fork(program)
      .once('message', (facts) => resolve(facts as Facts))
      .once('error', reject);
  });
  t.match(forked, { execArgv: ['--enable-source-maps', PRELOAD], colours: [], isRecorded: false });
});

/** What is told by a process that a suite starts, the suite being a process with all that tap gives to it. */
const startedBySuite = (t: Test, env: Readonly<Record<string, string>>) => {
  const folder = tempDir(t);
  const suite = `process.stdout.write(require('node:child_process').spawnSync(process.execPath, ${JSON.stringify(PRINT)}).stdout)`;
  const { stdout, stderr } = spawnSync(process.execPath, [RECORDER, PRELOAD, '-e', suite], {
    env: { PATH: process.env['PATH'] ?? '', _TAPJS_PROCESSINFO_CWD_: folder, ...env },
    encoding: 'utf8',
    timeout: 60_000,
  });
  t.equal(stderr, '');
  const recorded = readdirSync(join(folder, '.tap', 'processinfo')).length;
  return { ...(JSON.parse(stdout) as Facts), recorded };
};

for (const coverage of ['0', '1'])
  t.test(`by a suite whose coverage is ${coverage}`, async (t) => {
    const env = { _TAPJS_PROCESSINFO_COVERAGE_: coverage };
    const plain = { execArgv: PRINT, colours: [], isRecorded: false, recorded: 1 };
    t.strictSame(startedBySuite(t, { ...env, NODE_OPTIONS: RECORDER, FORCE_COLOR: '3' }), plain);
    const own = '--stack-trace-limit=20';
    t.strictSame(
      startedBySuite(t, { ...env, NODE_OPTIONS: `${own} "${RECORDER}"`, NO_COLOR: '1' }),
      { ...plain, options: own },
      'what a person gave to Node stays',
    );
  });
