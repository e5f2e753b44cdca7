// A gate's life, seen by a keeper that is this test: the process, its channel, its sockets.

import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { connect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import t, { type Test } from 'tap';
import { holdSocket } from '../../src/app/held-socket.ts';
import type { FromGate, ToGate } from '../../src/app/messages.ts';
import { createLocalIssuer } from '../../src/cert/issuers/local.ts';
import { createCertificateStore } from '../../src/cert/store.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { Settings } from '../../src/core/settings.ts';
import { createFileStorage } from '../../src/storage/file.ts';
import { gather } from '../helpers/serve.ts';
import { localSettings } from '../helpers/settings.ts';
import { tracker } from '../helpers/tracker.ts';
import { until } from '../helpers/until.ts';

interface Gate {
  readonly process: ChildProcess;
  readonly heard: readonly FromGate[];
  readonly httpsPort: number;
  readonly httpPort: number;
  readonly exit: Promise<number | string>;
  tell(message: ToGate): void;
}

const startGate = async (t: Test, settings: Settings): Promise<Gate> => {
  const child = fork(fileURLToPath(new URL('../../src/app/gate-process.ts', import.meta.url)), [], {
    serialization: 'advanced',
  });
  const heard: FromGate[] = [];
  child.on('message', (message: FromGate) => heard.push(message));
  const exit = new Promise<number | string>((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? signal ?? ''));
  });
  const sockets = (['https', 'http'] as const).map(
    (listener) => [listener, holdSocket(listener, settings.listen[listener])] as const,
  );
  t.teardown(async () => {
    child.kill('SIGKILL');
    await exit;
    for (const [, held] of sockets) held.close();
  });
  child.send({ type: 'start', settings, logLevel: 'silent' } satisfies ToGate);
  for (const [listener, held] of sockets) {
    child.send({ type: 'socket', listener } satisfies ToGate, held.handle as never);
  }
  await until('the gate is ready', () => heard.some(({ type }) => type === 'ready'));
  const tell = (message: ToGate): void => void child.send(message);
  return {
    process: child,
    heard,
    httpsPort: sockets[0]?.[1].address.port ?? 0,
    httpPort: sockets[1]?.[1].address.port ?? 0,
    exit,
    tell,
  };
};

/** A click whose answer the tracker holds back until `release`. */
const slowClick = async (t: Test) => {
  // a later click may be taken before the gate hears that it is to end: all are released together
  const held: (() => void)[] = [];
  const home = await tracker(t, {
    answer: (_request, response) => {
      held.push(() => response.end('late'));
    },
  });
  const gate = await startGate(t, localSettings(t, home));
  const socket = connect(gate.httpPort, '127.0.0.1');
  const answer = gather(socket);
  socket.write('GET /e/c/x/y HTTP/1.1\r\nHost: links.example.com\r\n\r\n');
  await until('the click is under way', () => held.length > 0);
  return { gate, answer, release: () => held.forEach((release) => release()) };
};

const refuses = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.setTimeout(200, () => socket.destroy());
    socket.once('error', () => resolve(true));
    socket.once('close', () => resolve(true));
    socket.once('data', () => resolve(false));
    socket.write('GET / HTTP/1.1\r\nHost: links.example.com\r\n\r\n');
  });

for (const [why, ask] of [
  ['the keeper says drain', (gate: Gate) => gate.tell({ type: 'drain', timeoutMs: 5_000 })],
  ['the keeper is gone', (gate: Gate) => gate.process.disconnect()],
  ['SIGTERM', (gate: Gate) => gate.process.kill('SIGTERM')],
] as const) {
  t.test(`${why}: the click under way is finished, no new one taken, exit 0`, async (t) => {
    const { gate, answer, release } = await slowClick(t);
    ask(gate);
    await until('no new click is taken', () => refuses(gate.httpPort));
    release();
    t.match(await answer, /^HTTP\/1\.1 200 OK\r\n[^]*late/);
    t.equal(await gate.exit, 0);
  });
}

t.test('what was finished while draining is counted too', async (t) => {
  const { gate, answer, release } = await slowClick(t);
  gate.tell({ type: 'drain', timeoutMs: 5_000 });
  await until('no new click is taken', () => refuses(gate.httpPort));
  release();
  await answer;
  t.equal(await gate.exit, 0);
  const last = gate.heard.findLast((message) => message.type === 'measured');
  const metrics = (last?.snapshot ?? []) as { name: string; values: { value: number }[] }[];
  const clicks = metrics.find(({ name }) => name === 'linkgate_clicks_total')?.values ?? [];
  t.ok(clicks.reduce((sum, { value }) => sum + value, 0) >= 1);
});

t.test('a drain is bounded', async (t) => {
  const { gate, answer } = await slowClick(t);
  gate.tell({ type: 'drain', timeoutMs: 100 });
  t.equal(await gate.exit, 0);
  t.equal(await answer, '', 'cut');
});

t.test('Ctrl-C and SIGHUP reach the whole group: the gate waits for the keeper’s word', async (t) => {
  const gate = await startGate(t, localSettings(t));
  gate.process.kill('SIGINT');
  gate.process.kill('SIGHUP');
  gate.tell({ type: 'measure', question: 7 });
  const measured = await until('it answers', () =>
    gate.heard.find((message) => message.type === 'measured' && message.question === 7),
  );
  t.match(measured, { snapshot: Array });
});

t.test('a certificate that was replaced is served at once where the keeper says so', async (t) => {
  const settings = localSettings(t);
  const storage = createFileStorage({ path: settings.certificates.storage.path, clock: systemClock });
  await storage.open();
  const store = createCertificateStore({ storage });
  const issuer = createLocalIssuer({ storage, keyType: 'ecdsa-p256', clock: systemClock });
  const { signal } = new AbortController();
  const domain = 'links.example.com';
  const issue = async (): Promise<string> => {
    const made = await issuer.obtain(domain, signal);
    return (await store.write(domain, { ...made, source: 'local', issuer: 'local' })).serial;
  };
  const first = await issue();
  const gate = await startGate(t, settings);
  const ca = await issuer.rootPem(signal);
  const served = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = tlsConnect({ host: '127.0.0.1', port: gate.httpsPort, servername: domain, ca }, () => {
        resolve(socket.getPeerCertificate().serialNumber.toLowerCase());
        socket.destroy();
      });
      socket.once('error', reject);
    });
  t.equal(await served(), first);
  const second = await issue();
  t.equal(await served(), first, 'what is in memory is served until somebody says otherwise');
  gate.tell({ type: 'look-again', domain });
  await until('the new one is served', async () => (await served()) === second);
});
