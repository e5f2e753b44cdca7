// Where lines go, by the built module in a process of its own: its stdout is part of what is tested.

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  readFileSync,
  readdirSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { createLogOutput } from '../../../src/observe/logs/log-output.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

const built = fileURLToPath(new URL('../../../dist/observe/logs/log-output.js', import.meta.url));

/** A program that has `open(target)`, `line(name)` and `told` (what could not be opened); `npm run build` comes first. */
const run = (body: string): { stdout: string; stderr: string; status: number | null } =>
  spawnSync(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `import * as fs from 'node:fs';
       import { createLogOutput } from ${JSON.stringify(built)};
       process.umask(0o077);
       const told = [];
       const open = (target) => createLogOutput({ target, retryMs: 20, onFailed: (file, cause) => told.push(cause) });
       const line = (event) => JSON.stringify({ level: 'info', role: 'supervisor', pid: 1, event, message: 'x' }) + '\\n';
       ${body}`,
    ],
    { encoding: 'utf8', timeout: 30_000, env: { PATH: process.env['PATH'] } },
  );

t.test('a file is made for its group to read, and one that is there keeps its mode', async (t) => {
  const file = join(tempDir(t), 'log');
  const body = `const out = open({ file: ${JSON.stringify(file)} }); out.write(line('a'));`;
  t.match(run(body), { status: 0, stdout: '', stderr: '' });
  t.equal(statSync(file).mode & 0o777, 0o640, 'whatever the umask');
  chmodSync(file, 0o600);
  t.match(run(body), { status: 0, stdout: '', stderr: '' });
  t.equal(statSync(file).mode & 0o777, 0o600);
  t.equal(readFileSync(file, 'utf8').split('\n').length, 3, 'lines are added');
});

t.test('moved away and opened again', async (t) => {
  const file = join(tempDir(t), 'log');
  const out = createLogOutput({ target: { file }, onFailed: () => t.fail('it can be opened') });
  out.write('before\n');
  out.flush();
  renameSync(file, `${file}.1`);
  out.write('still there\n');
  out.flush();
  out.reopen();
  out.write('after\n');
  out.flush();
  t.strictSame(
    [readFileSync(`${file}.1`, 'utf8'), readFileSync(file, 'utf8')],
    ['before\nstill there\n', 'after\n'],
  );
  out.open({});
  out.reopen();
});

t.test('what cannot be opened costs nothing: stdout, told once, tried again', async (t) => {
  const folder = tempDir(t);
  const file = join(folder, 'later', 'log');
  const result = run(`
    const out = open({ file: ${JSON.stringify(file)} });
    out.write(line('early'));
    setTimeout(() => fs.mkdirSync(${JSON.stringify(join(folder, 'later'))}), 100);
    const look = setInterval(() => {
      if (!fs.existsSync(${JSON.stringify(file)})) return;
      clearInterval(look);
      out.write(line('late'));
      console.error(told.length, told[0]);
    }, 10);`);
  t.match(result, { status: 0, stdout: /"early"/, stderr: /^1 ENOENT/ });
  t.notMatch(result.stdout, 'late');
  t.match(readFileSync(file, 'utf8'), /"late"/);
});

t.test('a pipe nobody reads, a folder, a file of somebody else: none of them holds anybody up', async (t) => {
  const folder = tempDir(t);
  const fifo = join(folder, 'fifo');
  spawnSync('mkfifo', [fifo]);
  const below = join(folder, 'file');
  writeFileSync(below, '');
  for (const file of [fifo, folder, join(below, 'log'), join(folder, 'x'.repeat(300))]) {
    const result = run(
      `const out = open({ file: ${JSON.stringify(file)} }); out.write(line('a')); setImmediate(() => console.error(told.length));`,
    );
    t.match(result, { status: 0, stdout: /"a"/, stderr: '1\n' }, file.slice(0, 100));
  }
});

t.test('a disk without room: lines are lost, memory is not', async (t) => {
  const result = run(`
    const lost = [];
    const out = createLogOutput({
      target: { file: '/dev/full' }, onFailed: () => process.exit(9), onDropped: (lines) => lost.push(lines),
    });
    const text = line('x'.repeat(1000));
    let rounds = 0;
    const more = () => {
      for (let i = 0; i < 1000; i += 1) out.write(text);
      if ((rounds += 1) < 100) setImmediate(more);
      else {
        out.flush();
        const count = lost.reduce((sum, one) => sum + one, 0);
        console.error(count > 99_990, process.memoryUsage().rss < 200e6);
      }
    };
    more();`);
  t.match(result, { status: 0, stdout: '' });
  t.equal(
    result.stderr,
    'true true\n',
    'all of 100 MB of lines are counted but for those being written, none is kept',
  );
});

t.test('pretty without a terminal: no colour', async (t) => {
  const file = join(tempDir(t), 'log');
  const { status, stdout } = run(`
    open({ format: 'pretty' }).write(line('a'));
    open({ format: 'pretty', file: ${JSON.stringify(file)} }).write(line('b'));`);
  t.equal(status, 0);
  t.match(stdout, / info {2}supervisor\[1\] x a\n$/);
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  t.notMatch(stdout + readFileSync(file, 'utf8'), /\u001b/);
});

t.test('pretty on a terminal: colours, unless NO_COLOR says no', async (t) => {
  const code = `import { createLogOutput } from ${JSON.stringify(built)}; createLogOutput({ target: { format: 'pretty' }, onFailed: () => {} }).write('{"level":"info","message":"x"}\\n');`;
  const folder = tempDir(t);
  const script = join(folder, 'x.mjs');
  writeFileSync(script, code);
  const onTerminal = (env: NodeJS.ProcessEnv): string =>
    spawnSync('script', ['-qec', `${process.execPath} ${script}`, '/dev/null'], {
      encoding: 'utf8',
      timeout: 30_000,
      cwd: folder,
      env: { PATH: process.env['PATH'], TERM: 'xterm', ...env },
    }).stdout;
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  t.match(onTerminal({}), /\u001b\[32minfo/);
  for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
    const text = onTerminal(env);
    t.match(text, /info/);
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    t.notMatch(text, /\u001b\[/);
  }
  t.strictSame(readdirSync(folder), ['x.mjs']);
  t.ok(existsSync(script));
});
