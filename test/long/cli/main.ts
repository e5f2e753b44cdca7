import { spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { configFiles } from '../../helpers/config-files.ts';
import { executable, linkgateCommand } from '../../helpers/linkgate-command.ts';

t.test('is an executable script', async (t) => {
  t.match(readFileSync(executable, 'utf8'), /^#!\/usr\/bin\/env node\n/);
  t.equal(statSync(executable).mode & 0o111, 0o111);
  const { bin } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    bin: Record<string, string>;
  };
  t.ok(executable.endsWith(bin['linkgate'] ?? '?'));
});

t.test('--version and --help', async (t) => {
  t.match(await linkgateCommand(['--version']), { status: 0, stdout: /^\d+\.\d+\.\d+\n$/, stderr: '' });
  const help = await linkgateCommand(['--help']);
  t.match(help, { status: 0, stderr: '' });
  for (const command of ['run', 'demo', 'check']) t.match(help.stdout, new RegExp(`^ {2}${command} `, 'm'));
  t.match(await linkgateCommand(['demo', '--help']), { status: 0, stdout: /127\.0\.0\.1:8443/ });
});

t.test('usage mistakes end with 64 and say where to look', async (t) => {
  for (const args of [
    ['chekc'],
    ['--bogus'],
    ['check', '--bogus'],
    ['check', '--config'],
    ['check', 'extra'],
  ]) {
    const { status, stdout, stderr } = await linkgateCommand(args);
    t.equal(status, 64, args.join(' '));
    t.equal(stdout, '');
    t.match(stderr, /^error: .*\n(.*\n)?see linkgate --help\n$/);
  }
  t.match(await linkgateCommand([]), { status: 64, stderr: /^Usage: linkgate/ }, 'no command at all');
  t.match((await linkgateCommand(['chekc'])).stderr, 'Did you mean check?');
});

t.test('a stack is shown to those who debug, and only to them', async (t) => {
  const { folder } = configFiles(t);
  const args = ['check', '--config', 'none.yaml'];
  t.notMatch((await linkgateCommand(args, { cwd: folder })).stderr, /^ +at /m);
  const env = { LINKGATE_LOG_LEVEL: 'debug' };
  t.match((await linkgateCommand(args, { cwd: folder, env })).stderr, /^ +at /m);
});

t.test('an unexpected error is one line, called a bug, and 70', async (t) => {
  const { folder, write } = configFiles(t);
  write('c.yaml', 'domains: [{ name: a.example }]\n');
  const fault = 'process.stdout.write = () => { throw new TypeError("out of\\nthe blue"); }';
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(fault)}`;
  const args = ['check', '--config', 'c.yaml'];
  t.strictSame(await linkgateCommand(args, { cwd: folder, env: { NODE_OPTIONS } }), {
    status: 70,
    stdout: '',
    stderr: 'linkgate: a bug in linkgate: please report it with the log line: out of the blue\n',
  });
  const { stderr } = await linkgateCommand(args, {
    cwd: folder,
    env: { NODE_OPTIONS, LINKGATE_LOG_LEVEL: 'debug' },
  });
  t.match(stderr, /^TypeError: out of\nthe blue\n +at /m);
});

t.test('an error that escapes every promise is reported alike', async (t) => {
  const fault = 'setTimeout(() => { throw new TypeError("escaped"); }, 0); setTimeout(() => {}, 5000)';
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(`process.on("newListener", (name) => { if (name === "uncaughtException") { ${fault} } })`)}`;
  const { status, stderr } = await linkgateCommand(['--version'], { env: { NODE_OPTIONS } });
  t.strictSame(
    { status, stderr },
    { status: 70, stderr: 'linkgate: a bug in linkgate: please report it with the log line: escaped\n' },
  );
});

t.test('a reader that has seen enough is no error', async (t) => {
  const { folder, write } = configFiles(t);
  write('d.txt', Array.from({ length: 50_000 }, (_, i) => `links${i}.example.com\n`).join(''));
  write('c.yaml', 'domainsFile: d.txt\n');
  const child = spawn(executable, ['check', '--config', 'c.yaml'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  child.stdout.once('data', () => child.stdout.destroy());
  const ended = new Promise((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal));
  });
  t.equal(await text(child.stderr), '');
  t.equal(await ended, 0);
});
