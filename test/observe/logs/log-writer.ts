import { spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, fstatSync, openSync, readFileSync, readSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { createLogWriter } from '../../../src/observe/logs/log-writer.ts';

const built = fileURLToPath(new URL('../../../dist/observe/logs/log-writer.js', import.meta.url));

/** A program that writes lines in a process of its own; `npm run build` comes first. */
const program = (body: string): string =>
  `import { createLogWriter } from ${JSON.stringify(built)}; const log = createLogWriter(1); ${body}`;

const args = (body: string): string[] => ['--input-type=module', '--eval', program(body)];

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
};

t.test('every line arrives whole and in order', async (t) => {
  const path = join(t.testdir(), 'log');
  const fd = openSync(path, 'w');
  const log = createLogWriter(fd);
  const lines = Array.from({ length: 2000 }, (_, i) => `${i} ${'ä'.repeat(i % 90)}\n`);
  lines.push(`${'x'.repeat(100_000)}\n`, 'last\n');
  for (const line of lines) log.write(line);
  await until(() => readFileSync(path, 'utf8').endsWith('last\n'));
  t.equal(readFileSync(path, 'utf8'), lines.join(''));
  closeSync(fd);
});

t.test('what is in memory when the process ends is written', async (t) => {
  const { stdout, status } = spawnSync(
    process.execPath,
    args(`for (let i = 0; i < 500; i += 1) log.write(i + '\\n'); process.exit(3);`),
    {
      encoding: 'utf8',
      timeout: 30_000,
    },
  );
  t.equal(status, 3);
  t.equal(stdout, Array.from({ length: 500 }, (_, i) => `${i}\n`).join(''));
});

t.test('a batch that is being written when the process ends is not lost', async (t) => {
  const body = `log.write('a\\n'); setImmediate(() => { log.write('b\\n'); process.exit(); });`;
  const { stdout } = spawnSync(process.execPath, args(body), { encoding: 'utf8', timeout: 30_000 });
  t.strictSame(stdout.split('\n').toSorted(), ['', 'a', 'b'], 'in either order');
});

t.test('a full disk costs lines, not the process', async (t) => {
  const full = openSync('/dev/full', 'w');
  t.teardown(() => closeSync(full));
  const { status, stderr } = spawnSync(
    process.execPath,
    args(`log.write('lost\\n'); setImmediate(() => log.write('lost\\n'));`),
    {
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
      timeout: 30_000,
    },
  );
  t.strictSame({ status, stderr }, { status: 0, stderr: '' });
});

t.test('a reader that went away costs lines, not the process', async (t) => {
  const child = spawn(
    process.execPath,
    args(`process.stdin.once('data', () => { log.write('lost\\n'); process.stdin.destroy(); });`),
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  t.teardown(() => child.kill('SIGKILL'));
  child.stdout.destroy();
  child.stdin.end('go');
  const status = await new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? signal));
  });
  t.equal(status, 0);
});

t.test('a reader that does not read holds nobody up, and gets whole lines later', async (t) => {
  const fifo = join(t.testdir(), 'fifo');
  spawnSync('mkfifo', [fifo]);
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
  t.teardown(() => {
    closeSync(reader);
    closeSync(writer);
  });
  const log = createLogWriter(writer);
  const line = `${'y'.repeat(999)}\n`;
  // a pipe takes 64 KiB, the backlog 4 MiB, the rest is dropped
  for (let i = 0; i < 10_000; i += 1) log.write(line);
  const begin = performance.now();
  log.flush();
  t.ok(performance.now() - begin < 20_000, 'the end of the process waits half a second');
  const chunk = Buffer.alloc(65_536);
  let text = '';
  while (text.length < 4_190_000) {
    try {
      text += chunk.toString('utf8', 0, readSync(reader, chunk));
    } catch {
      // empty just now: the writer tries again every 50 ms
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  t.equal(text.length % line.length, 0, 'no line is cut');
  t.ok(text.split('\n').every((one) => one === '' || one.length === 999));
  t.ok(text.length < 4_300_000, `${text.length} bytes were kept, the rest dropped`);
});

t.test('lines that are lost are counted, and told when there is room again', async (t) => {
  const folder = t.testdir();
  const full = openSync('/dev/full', 'w');
  const lost: number[] = [];
  const told: number[] = [];
  const log = createLogWriter(full, {
    onDropped: (lines) => void lost.push(lines),
    onRoom: (lines) => void told.push(lines),
  });
  log.write('a\n');
  log.write('b\nc\n');
  log.flush();
  t.equal(
    lost.reduce((sum, one) => sum + one, 0),
    3,
  );
  t.strictSame(told, [], 'no line is made for a disk without room');
  const fd = openSync(join(folder, 'log'), 'w');
  log.redirect(fd);
  log.write('d\n');
  log.flush();
  t.strictSame(told, [3]);
  log.write('e\n');
  await until(() => readFileSync(join(folder, 'log'), 'utf8') === 'd\ne\n');
  t.strictSame(told, [3], 'once');
  t.throws(() => fstatSync(full), 'the one before is closed');
  log.redirect(1);
});

t.test('a file that is moved away and opened again: no line is lost, none in both', async (t) => {
  const path = join(t.testdir(), 'log');
  const open = (): number => openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT);
  const log = createLogWriter(open());
  for (let round = 0; round < 5; round += 1) {
    for (let i = 0; i < 200; i += 1) log.write(`${round * 200 + i}\n`);
    await new Promise((resolve) => setImmediate(resolve));
    renameSync(path, `${path}.${round}`);
    log.redirect(open());
  }
  log.write('last\n');
  await until(() => readFileSync(path, 'utf8').endsWith('last\n'));
  const all = [0, 1, 2, 3, 4].map((round) => readFileSync(`${path}.${round}`, 'utf8')).join('');
  t.strictSame((all + readFileSync(path, 'utf8')).split('\n'), [
    ...Array.from({ length: 1000 }, (_, i) => `${i}`),
    'last',
    '',
  ]);
  log.redirect(1);
});
