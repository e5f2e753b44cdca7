// The whole product (`linkgate demo`: supervisor, worker, CA, tracker, one click) on machines that lack something, each made for real with
// namespaces and limits. docs/operations.md has the table.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { freePort } from '../../helpers/free-port.ts';
import { needs, needsRoot } from '../../helpers/needs.ts';
import { tempDir } from '../../helpers/temp-dir.ts';
import { until } from '../../helpers/until.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const DEMO = `${process.execPath} ${ROOT}/dist/cli/main.js demo`;
const ANYONE = '--reuid=65534 --regid=65534 --clear-groups';

interface Said {
  /** 0 after a clean end */
  readonly exit: number | null;
  readonly text: string;
}

/** Runs a shell's lines, in namespaces of their own; ends the program politely once it has shown its click, and `before` is done. */
const tried = async (
  t: Test,
  lines: readonly string[],
  namespaces: readonly string[] = [],
  before: () => Promise<void> = () => Promise.resolve(),
): Promise<Said> => {
  const child = spawn(
    'unshare',
    [
      '--mount',
      '--pid',
      '--fork',
      '--kill-child',
      '--mount-proc',
      ...namespaces,
      'sh',
      '-ec',
      lines.join('\n'),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  t.teardown(() => child.kill('SIGKILL'));
  let isOver = false;
  void ended.then(() => (isOver = true));
  const isDone = (): boolean => isOver || text.includes('Ctrl-C stops it and removes everything it made.\n');
  await until('it has shown its click, or given up', isDone, 60_000);
  await before();
  // process 1 of its namespace
  const inner = isOver ? '' : readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
  if (inner !== '') process.kill(Number(inner), 'SIGINT');
  return { exit: await ended, text };
};

const worked = (t: Test, { exit, text }: Said): void => {
  t.match(text, / < HTTP\/1\.1 302 Found\n[^]*linkgate_clicks_total\{[^}]*\} 1\n/);
  t.strictSame([exit, text.split('removes everything it made.\n')[1]], [0, '']);
};

t.test('as process 1, on a root that cannot be written', { skip: needsRoot() }, async (t) => {
  const folder = tempDir(t);
  const said = await tried(t, [
    `mount -t tmpfs none ${folder}`,
    'mount -o remount,bind,ro /',
    '! touch /linkgate-was-here 2>/dev/null',
    `export TMPDIR=${folder}`,
    `exec ${DEMO} --https 127.0.0.1:0 --http 127.0.0.1:0 --admin 127.0.0.1:0`,
  ]);
  worked(t, said);
});

t.test('as nobody, who may not open port 80', { skip: needsRoot() || needs('ip') }, async (t) => {
  const asNobody = [
    'ip link set lo up',
    'echo 1024 >/proc/sys/net/ipv4/ip_unprivileged_port_start',
    // the project may lie in a folder that is nobody's business
    `mount --bind ${ROOT} /mnt`,
    `set -- setpriv ${ANYONE} ${process.execPath} /mnt/dist/cli/main.js demo`,
  ];
  worked(t, await tried(t, [...asNobody, 'exec "$@"'], ['--net']));
  t.match(await tried(t, [...asNobody, 'exec "$@" --http 127.0.0.1:80'], ['--net']), {
    exit: 78,
    text: /^linkgate: http 127\.0\.0\.1:80 may not be opened by this user \(EACCES\)\nERR_LISTEN_DENIED: .*\n$/,
  });
});

t.test('with IPv6 alone', { skip: needsRoot() || needs('ip') }, async (t) => {
  const lines = ['ip link set lo up', 'ip addr del 127.0.0.1/8 dev lo'];
  const own = '--https [::1]:8443 --http [::1]:8080 --admin [::1]:9464';
  worked(t, await tried(t, [...lines, `exec ${DEMO} ${own}`], ['--net']));
  worked(
    t,
    await tried(t, [...lines, `exec ${DEMO} --https :8443 --http :8080 --admin [::1]:9464`], ['--net']),
  );
  t.match(await tried(t, [...lines, `exec ${DEMO}`], ['--net']), {
    exit: 69,
    text: /^linkgate: https 127\.0\.0\.1:8443 is not an address of this machine \(EADDRNOTAVAIL\)\n/,
  });
});

t.test('without IPv6', { skip: needsRoot() || needs('ip') }, async (t) => {
  const lines = ['ip link set lo up', 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6'];
  worked(t, await tried(t, [...lines, `exec ${DEMO} --https :8443 --http :8080`], ['--net']));
});

t.test('with a clock two years behind', { skip: needsRoot() || needs('faketime') }, async (t) => {
  const ports = '--https 127.0.0.1:0 --http 127.0.0.1:0 --admin 127.0.0.1:0';
  const said = await tried(t, [
    'export LD_PRELOAD=$(ls /usr/lib/*/faketime/libfaketime.so.1) FAKETIME=-730d FAKETIME_DONT_FAKE_MONOTONIC=1',
    `exec ${DEMO} ${ports}`,
  ]);
  worked(t, said);
});

t.test('with 96 file descriptors, all of them taken for a while', { skip: needsRoot() }, async (t) => {
  const port = await freePort();
  const lines = [
    'ulimit -n 96',
    `exec ${DEMO} --https 127.0.0.1:0 --http 127.0.0.1:${port} --admin 127.0.0.1:0`,
  ];
  const asked = async (): Promise<string> => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
    socket.on('error', () => undefined);
    socket.write('GET /e/o/abc HTTP/1.1\r\nHost: links.example.com\r\nConnection: close\r\n\r\n');
    await closed;
    return text;
  };
  const flood = async (): Promise<void> => {
    const silent = Array.from({ length: 200 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
    const answered = silent.map(
      (socket) => new Promise((resolve) => socket.on('connect', resolve).on('close', resolve)),
    );
    await Promise.all(answered);
    for (const socket of silent) socket.destroy();
    await until('it serves again', async () => (await asked()).startsWith('HTTP/1.1 200 '), 60_000);
  };
  worked(t, await tried(t, lines, [], flood));
});

t.test('with too few to begin', { skip: needsRoot() }, async (t) => {
  const said = await tried(t, ['ulimit -n 32', `exec ${DEMO}`]);
  t.equal(said.exit, 69);
  t.match(said.text, /\nERR_DESCRIPTORS_EXHAUSTED: allow more open files: .*\n$/);
});
