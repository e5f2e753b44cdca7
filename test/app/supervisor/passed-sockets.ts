import { spawnSync } from 'node:child_process';
import { openSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import {
  choosePassedSocket,
  takePassedSockets,
  type PassedSocket,
} from '../../../src/app/supervisor/passed-sockets.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

/** Binds two sockets, makes them descriptors 3 and 4, and becomes a process that takes them. */
const ACTIVATE = `
import os, socket, sys
v4 = socket.socket(); v4.bind(("127.0.0.1", 0)); v4.listen()
v6 = socket.socket(socket.AF_INET6); v6.bind(("::", 0)); v6.listen()
os.dup2(v4.fileno(), 30); os.dup2(v6.fileno(), 31)
os.dup2(30, 3); os.dup2(31, 4)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES="https:other")
os.execvp(sys.argv[1], sys.argv[1:])
`;
const MODULE = fileURLToPath(new URL('../../../dist/app/supervisor/passed-sockets.js', import.meta.url));
const TAKE = `
const { takePassedSockets } = await import(${JSON.stringify(MODULE)});
const taken = takePassedSockets(process.env);
console.log(JSON.stringify(taken.map(({ name, address }) => ({ name, address }))));
for (const held of taken) { held.close(); held.close(); }
`;

t.test('takes the passed sockets, each with its name and its address', async (t) => {
  const node = [process.execPath, '--input-type=module', '-e', TAKE];
  const { stdout, stderr } = spawnSync('python3', ['-c', ACTIVATE, ...node], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
    timeout: 30_000,
  });
  const taken = JSON.parse(stdout === '' ? JSON.stringify(stderr) : stdout) as PassedSocket[];
  t.match(taken, [
    { name: 'https', address: { host: '127.0.0.1' } },
    { name: 'other', address: { host: '::' } },
  ]);
  t.ok(taken.every(({ address }) => address.port > 0));
});

t.test('sockets for another process, or a count that is no number, are not taken', async (t) => {
  for (const env of [
    {},
    { LISTEN_FDS: '1' },
    { LISTEN_FDS: '1', LISTEN_PID: '1' },
    ...['0', '-1', 'x', '', '1e9', '99999'].map((LISTEN_FDS) => ({
      LISTEN_FDS,
      LISTEN_PID: String(process.pid),
    })),
  ])
    t.strictSame(takePassedSockets(env), [], JSON.stringify(env));
});

t.test('a file is not a socket', async (t) => {
  const path = join(tempDir(t), 'file');
  const take = `
    const { adoptSocket } = await import(${JSON.stringify(MODULE.replace('passed-sockets', 'held-socket'))});
    console.log(adoptSocket(3) === undefined && adoptSocket(77) === undefined);
  `;
  const fd = openSync(path, 'w');
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', take], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'pipe', fd],
  });
  closeSync(fd);
  t.equal(stdout, 'true\n', stderr);
});

const socket = (name: string, host: string, port: number): PassedSocket => ({
  name,
  address: { host, port },
  handle: { getsockname: () => 0, close: () => undefined },
  close: () => undefined,
});

t.test('a listener takes the socket with its name, or with its address', async (t) => {
  const https = socket('https', '::', 443);
  const http = socket('unknown', '0.0.0.0', 80);
  const passed = [https, http];
  t.equal(choosePassedSocket('https', { host: '0.0.0.0', port: 443, fd: 'https' }, passed), https);
  t.equal(choosePassedSocket('http', { host: '0.0.0.0', port: 80 }, passed), http);
  t.equal(choosePassedSocket('https', { host: '0.0.0.0', port: 443 }, passed), undefined, 'has to be bound');
  t.equal(choosePassedSocket('https', { host: '::', port: 0 }, [socket('x', '::', 0)]), undefined);
  const wanted = { host: '0.0.0.0', port: 80, fd: 'web' };
  t.throws(() => choosePassedSocket('http', wanted, passed), {
    code: 'ERR_LISTEN_NOT_PASSED',
    message: 'http socket "web" was not passed, only "https", "unknown"',
  });
  t.throws(() => choosePassedSocket('http', wanted, []), {
    message: 'http socket "web" was not passed, none was',
  });
});
