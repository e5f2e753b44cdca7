// The command as systemd runs it: sockets passed, messages heard, the watchdog fed only while a worker answers, and one version
// taking over from another under clicks. `UPGRADES=3 CLICKS_PER_SECOND=300` is the run whose figures stand in
// docs/operations.md.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { clickHttp1 } from '../../helpers/click.ts';
import { clicking } from '../../helpers/clicking.ts';
import { freePort } from '../../helpers/free-port.ts';
import { writeConfig, type LogLine } from '../../helpers/linkgate.ts';
import { localRoot } from '../../helpers/local-root.ts';
import { needs } from '../../helpers/needs.ts';
import { pause } from '../../helpers/pause.ts';
import { notifySocket } from '../../helpers/notify-socket.ts';
import { socketUnit } from '../../helpers/socket-unit.ts';
import { tempDir } from '../../helpers/temp-dir.ts';
import { redirectAnswer, tracker, type Tracker } from '../../helpers/tracker.ts';
import { until } from '../../helpers/until.ts';

const UPGRADES = Number(process.env['UPGRADES'] ?? 1);
const CLICKS_PER_SECOND = Number(process.env['CLICKS_PER_SECOND'] ?? 30);
const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const DOMAIN = 'links.example.com';
const NAMES = ['https', 'http', 'admin'];

const write = (t: Test, home: Tracker, workers: number): { path: string; storage: string } => {
  const folder = tempDir(t);
  const storage = join(folder, 'certs');
  const path = writeConfig(folder, {
    listen: { https: 'fd:https', http: 'fd:http', admin: 'fd:admin' },
    // a click lasts as long as the next process takes to start
    upstream: { url: home.url, serverName: home.serverName, caFile: home.caFile, responseTimeout: '3m' },
    certificates: { storage: { type: 'file', path: storage }, issuers: [{ type: 'local' }] },
    domains: [{ name: DOMAIN }],
    workers,
    drainTimeout: '3m',
  });
  return { path, storage };
};

const linesOf = (text: string): readonly LogLine[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as LogLine);

t.test(
  'sockets by systemd-socket-activate, messages, watchdog',
  { skip: needs('systemd-socket-activate') },
  async (t) => {
    const home = await tracker(t);
    const { path, storage } = write(t, home, 1);
    const { path: socket, heard } = await notifySocket(t);
    const ports = [await freePort(), await freePort(), await freePort()] as const;
    const child = spawn(
      'systemd-socket-activate',
      [
        ...ports.flatMap((port) => ['-l', `127.0.0.1:${port}`]),
        `--fdname=${NAMES.join(':')}`,
        `-ENOTIFY_SOCKET=${socket}`,
        '-EWATCHDOG_USEC=400000',
        ...[process.execPath, MAIN, 'run', '--config', path],
      ],
      { env: { ...process.env, NODE_OPTIONS: '' }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => void (stdout += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => void (stderr += chunk));
    t.teardown(() => child.kill('SIGKILL'));
    const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));

    await until('it listens', () => stderr.split('Listening on').length > 3);
    // the first click starts it, and is answered
    const [httpsPort, httpPort, adminPort] = ports;
    const first = fetch(`http://127.0.0.1:${httpPort}/e/c/first/y`, { headers: { Host: DOMAIN } });
    t.equal((await first).status, 421, 'fetch sends its own Host');
    await until('it says that it is ready', () => heard.length > 1);
    t.equal(heard[0], 'READY=1');
    t.match(heard[1], /^STATUS=1 name: 1 (live|pending)$/);
    t.equal((await fetch(`http://127.0.0.1:${adminPort}/readyz`)).status, 200);
    await until('the name is live', () => heard.includes('STATUS=1 name: 1 live'), 60_000);
    const ca = localRoot(storage);
    t.match(await clickHttp1({ port: httpsPort, domain: DOMAIN, ca, path: '/e/c/x/y' }), /^HTTP\/1\.1 302 /);

    const fed = (): number => heard.filter((line) => line === 'WATCHDOG=1').length;
    await until('the watchdog is fed', () => fed() > 1);
    const worker = Number(linesOf(stdout).find(({ message }) => message === 'worker started')?.['worker']);
    process.kill(worker, 'SIGSTOP');
    await until('the watchdog is fed no more', async () => {
      const before = fed();
      await pause(1_000);
      return fed() === before;
    });
    process.kill(worker, 'SIGCONT');
    const before = fed();
    await until('it is fed again', () => fed() > before);

    child.kill('SIGHUP');
    await until('it says that it reloads', () => heard.includes('RELOADING=1'));
    const reloading = heard.indexOf('RELOADING=1');
    t.match(heard[reloading + 1], /^MONOTONIC_USEC=[1-9]\d+$/);
    await until('and that it is ready again', () => heard.lastIndexOf('READY=1') > reloading);

    child.kill('SIGTERM');
    t.equal(await ended, 0, stderr);
    t.ok(heard.includes('STOPPING=1'));
    t.notMatch(stderr, /did not reach systemd/);
  },
);

t.test(
  `${UPGRADES} restarts with the same sockets: the new one takes over while the old one drains`,
  { skip: needs('python3'), timeout: 600_000 },
  async (t) => {
    let release = (): void => undefined;
    const home = await tracker(t, {
      answer: (request, response, seen) => {
        if (!seen.target.startsWith('/e/c/slow/')) redirectAnswer(request, response, seen);
        else release = () => redirectAnswer(request, response, seen);
      },
    });
    const { path, storage } = write(t, home, 2);
    const unit = await socketUnit(t, NAMES, [process.execPath, MAIN, 'run', '--config', path]);
    const port = unit.ports['https'] ?? 0;
    const logged = (message: string): number =>
      linesOf(unit.stdout()).filter((line) => line.message === message).length;
    let running = await unit.start();
    await until('its certificate', () => logged('certificate issued') === 1, 60_000);
    const ca = localRoot(storage);
    const click = (path = '/e/c/x/y'): Promise<string> => clickHttp1({ port, domain: DOMAIN, ca, path });
    await until('the first click', () => click());

    const traffic = await clicking(t, CLICKS_PER_SECOND, { port, domain: DOMAIN, ca, path: '/e/c/x/y' });
    for (let round = 1; round <= UPGRADES; round += 1) {
      const slow = click('/e/c/slow/y');
      await until('the slow one is with the tracker', () =>
        home.requests.some(({ target }) => target === '/e/c/slow/y'),
      );
      const stopped = performance.now();
      process.kill(running, 'SIGTERM');
      t.equal(await unit.ended(running), 0);
      running = await unit.start();
      await until('the next one runs', () => logged('linkgate runs') === round + 1, 60_000);
      t.comment(`round ${round}: served again ${Math.round(performance.now() - stopped)} ms after SIGTERM`);
      t.match(await click(), /^HTTP\/1\.1 302 /, 'the new one serves');
      release();
      t.match(await slow, /^HTTP\/1\.1 302 /, 'the old one finished what it had begun');
    }

    // a supervisor that dies: its workers finish what they have, the sockets stay
    const slow = click('/e/c/slow/z');
    await until('it is with the tracker', () => home.requests.some(({ target }) => target === '/e/c/slow/z'));
    process.kill(running, 'SIGKILL');
    t.equal(await unit.ended(running), -9);
    running = await unit.start();
    await until('the next one runs', () => logged('linkgate runs') === UPGRADES + 2, 60_000);
    release();
    t.match(await slow, /^HTTP\/1\.1 302 /, 'the orphans finished what they had begun');

    const { sent, failures, tookMs } = await traffic.end();
    t.strictSame(failures, [], `${sent} clicks`);
    const took = tookMs.toSorted((a, b) => a - b);
    t.comment(
      `${sent} clicks at ${CLICKS_PER_SECOND} a second, ${failures.length} failed; ` +
        `p50 ${Math.round(took[Math.floor(took.length / 2)] ?? 0)} ms, longest ${Math.round(took.at(-1) ?? 0)} ms`,
    );
    process.kill(running, 'SIGTERM');
    t.equal(await unit.ended(running), 0);
  },
);
