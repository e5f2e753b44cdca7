import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createExecProvider } from '../../../src/cert/challenges/exec.ts';
import { tempDir } from '../../helpers/temp-dir.ts';
import { until } from '../../helpers/until.ts';

const forever = new AbortController().signal;
const record = { name: '_acme-challenge.links.example.com', value: '-a$(x) "value', zone: 'example.com' };

/** A program of Node's, written for one test; what it is called with stands in `argv`, `log` is a file next to it. */
const program = (t: Test, body: string, timeoutMs = 10_000) => {
  const folder = tempDir(t);
  const [script, log] = [join(folder, 'program.mjs'), join(folder, 'log')];
  writeFileSync(
    script,
    `import { appendFileSync } from 'node:fs'; import { spawn } from 'node:child_process';
     const [,, ...argv] = process.argv; const log = (x) => appendFileSync(${JSON.stringify(log)}, x + '\\n');
     ${body}`,
  );
  const command = [process.execPath, script, 'own', 'words'];
  return {
    provider: createExecProvider({ settings: { type: 'exec', command, timeoutMs } }),
    log: (): string => {
      try {
        return readFileSync(log, 'utf8');
      } catch {
        return '';
      }
    },
  };
};

t.test('it is called with its own arguments, then the action, without a shell', async (t) => {
  const { provider, log } = program(t, 'log(JSON.stringify(argv));');
  await provider.present(record, forever);
  await provider.cleanUp(record, forever);
  t.same(
    log()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
    [
      ['own', 'words', 'present', record.name, record.value],
      ['own', 'words', 'cleanup', record.name, record.value],
    ],
  );
});

t.test('a program that fails is quoted, in one line', async (t) => {
  const { provider } = program(
    t,
    "console.error('first\\nthe zone\\tis \\x1b[31mgone'); process.exitCode = 3;",
  );
  await t.rejects(provider.present(record, forever), {
    code: 'ERR_DNS_UNAVAILABLE',
    message: /ended with 3: the zone is +\[31mgone \(present of "_acme-challenge\.links\.example\.com"\)$/u,
  });
});

t.test('a program that is missing or killed is an error', async (t) => {
  const missing = createExecProvider({
    settings: { type: 'exec', command: ['/nowhere/program'], timeoutMs: 1_000 },
  });
  await t.rejects(missing.present(record, forever), { message: /could not be run: ENOENT/ });
  const { provider } = program(t, "process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000);");
  await t.rejects(provider.present(record, forever), { message: /ended with SIGTERM/ });
});

const FOREVER = `
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
  log(String(child.pid)); setInterval(() => {}, 1000);`;

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    // a zombie waits for nobody here: its parent is gone
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
};

t.test(
  'a program that never ends is killed with all it started: at its time limit, or on abort',
  async (t) => {
    const late = program(t, FOREVER, 1_500);
    await t.rejects(late.provider.present(record, forever), { message: /was not done in 1500 ms/ });
    await until('its child is gone', () => !isAlive(Number(late.log())));

    const stop = new AbortController();
    const { provider, log } = program(t, FOREVER);
    const running = provider.present(record, stop.signal);
    running.catch(() => {});
    await until('it has started its child', () => log() !== '');
    stop.abort(new Error('stopping'));
    await t.rejects(running, { message: 'stopping' });
    await until('its child is gone', () => !isAlive(Number(log())));
    await t.rejects(provider.present(record, stop.signal), { message: 'stopping' }, 'and not started again');
  },
);
