// A worker's life, seen by a supervisor that is this test: the process, its channel, its sockets.

import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { connect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import t, { type Test } from 'tap';
import { holdSocket } from '../../../src/app/supervisor/held-socket.ts';
import type { FromWorker, ToWorker } from '../../../src/app/messages.ts';
import { createAcmeIssuer } from '../../../src/cert/acme/acme-issuer.ts';
import { createLocalIssuer } from '../../../src/cert/local-ca/local-ca.ts';
import { createCertificateStore } from '../../../src/cert/state/store.ts';
import { systemClock } from '../../../src/core/platform/clock.ts';
import type { Settings } from '../../../src/core/settings.ts';
import { createFileStorage } from '../../../src/storage/file.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { acmeCa } from '../../helpers/acme-ca.ts';
import { freePort } from '../../helpers/free-port.ts';
import { gather } from '../../helpers/serve.ts';
import { localSettings } from '../../helpers/settings.ts';
import { tracker } from '../../helpers/tracker.ts';
import { until } from '../../helpers/until.ts';

interface Worker {
  readonly process: ChildProcess;
  readonly heard: readonly FromWorker[];
  readonly httpsPort: number;
  readonly httpPort: number;
  readonly exit: Promise<number | string>;
  tell(message: ToWorker): void;
}

const startWorker = async (t: Test, settings: Settings): Promise<Worker> => {
  const child = fork(
    fileURLToPath(new URL('../../../src/app/worker/worker-process.ts', import.meta.url)),
    [],
    {
      serialization: 'advanced',
    },
  );
  const heard: FromWorker[] = [];
  child.on('message', (message: FromWorker) => heard.push(message));
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
  child.send({ type: 'start', settings, logLevel: 'silent' } satisfies ToWorker);
  for (const [listener, held] of sockets) {
    child.send({ type: 'socket', listener } satisfies ToWorker, held.handle as never);
  }
  await until('the worker is ready', () => heard.some(({ type }) => type === 'ready'));
  const tell = (message: ToWorker): void => void child.send(message);
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
  // a later click may be taken before the worker hears that it is to end: all are released together
  const held: (() => void)[] = [];
  const home = await tracker(t, {
    answer: (_request, response) => {
      held.push(() => response.end('late'));
    },
  });
  const worker = await startWorker(t, localSettings(t, home));
  const socket = connect(worker.httpPort, '127.0.0.1');
  const answer = gather(socket);
  socket.write('GET /e/c/x/y HTTP/1.1\r\nHost: links.example.com\r\n\r\n');
  await until('the click is under way', () => held.length > 0);
  return { worker, answer, release: () => held.forEach((release) => release()) };
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
  [
    'the supervisor says drain',
    (worker: Worker) => worker.tell({ type: 'drain', time: { timeoutMs: 5_000, graceMs: 1_000 } }),
  ],
  ['the supervisor is gone', (worker: Worker) => worker.process.disconnect()],
  ['SIGTERM', (worker: Worker) => worker.process.kill('SIGTERM')],
] as const) {
  t.test(`${why}: the click under way is finished, no new one taken, exit 0`, async (t) => {
    const { worker, answer, release } = await slowClick(t);
    ask(worker);
    await until('no new click is taken', () => refuses(worker.httpPort));
    release();
    t.match(await answer, /^HTTP\/1\.1 200 OK\r\n[^]*late/);
    t.equal(await worker.exit, 0);
  });
}

t.test('what was finished while draining is counted too', async (t) => {
  const { worker, answer, release } = await slowClick(t);
  worker.tell({ type: 'drain', time: { timeoutMs: 5_000, graceMs: 1_000 } });
  await until('no new click is taken', () => refuses(worker.httpPort));
  release();
  await answer;
  t.equal(await worker.exit, 0);
  const last = worker.heard.findLast((message) => message.type === 'measured');
  const metrics = (last?.snapshot ?? []) as { name: string; values: { value: number }[] }[];
  const clicks = metrics.find(({ name }) => name === 'linkgate_clicks_total')?.values ?? [];
  t.ok(clicks.reduce((sum, { value }) => sum + value, 0) >= 1);
  const drains = metrics.find(({ name }) => name === 'linkgate_worker_drains_total')?.values ?? [];
  t.match(drains, [{ value: 1, labels: { result: 'finished' } }, { value: 0 }]);
});

t.test('a drain is bounded', async (t) => {
  const { worker, answer } = await slowClick(t);
  worker.tell({ type: 'drain', time: { timeoutMs: 100, graceMs: 100 } });
  t.equal(await worker.exit, 0);
  t.equal(await answer, '', 'cut');
});

t.test('Ctrl-C and SIGHUP reach the whole group: the worker waits for the supervisor’s word', async (t) => {
  const worker = await startWorker(t, localSettings(t));
  worker.process.kill('SIGINT');
  worker.process.kill('SIGHUP');
  worker.tell({ type: 'measure', question: 7 });
  const measured = await until('it answers', () =>
    worker.heard.find((message) => message.type === 'measured' && message.question === 7),
  );
  t.match(measured, { snapshot: Array });
});

t.test('a certificate that was replaced is served at once where the supervisor says so', async (t) => {
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
  const worker = await startWorker(t, settings);
  const ca = await issuer.rootPem(signal);
  const served = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = tlsConnect({ host: '127.0.0.1', port: worker.httpsPort, servername: domain, ca }, () => {
        resolve(socket.getPeerCertificate().serialNumber.toLowerCase());
        socket.destroy();
      });
      socket.once('error', reject);
    });
  t.equal(await served(), first);
  const second = await issue();
  t.equal(await served(), first, 'what is in memory is served until somebody says otherwise');
  worker.tell({ type: 'look-again', domain });
  await until('the new one is served', async () => (await served()) === second);
});

t.test('a worker that never saw the order answers its http-01 challenge by the account', async (t) => {
  const httpPort = await freePort();
  const ca = await acmeCa(t, { httpPort });
  const usual = localSettings(t);
  const acme = { directory: ca.directory, caFile: ca.caFile, challenges: ['http-01'] } as const;
  const issuers = [{ type: 'acme', name: 'test-ca', ...acme }] as const;
  const settings: Settings = {
    ...usual,
    listen: { ...usual.listen, http: { host: '127.0.0.1', port: httpPort } },
    certificates: { ...usual.certificates, issuers },
  };
  const seen = createFileStorage({ path: settings.certificates.storage.path, clock: systemClock });
  await seen.open();
  await startWorker(t, settings);
  // another machine orders; of what it writes the worker sees the account's thumbprint alone
  const elsewhere = createMemoryStorage();
  const { write } = elsewhere;
  elsewhere.write = async (key, value) => {
    await write(key, value);
    if (key.startsWith('thumbprints/')) await seen.write(key, value);
  };
  const issuer = createAcmeIssuer({
    settings: { ...issuers[0] },
    keyType: 'ecdsa-p256',
    storage: elsewhere,
    clock: systemClock,
  });
  const name = 'links.example.com';
  const { challenge } = await issuer.obtain(name, new AbortController().signal);
  t.equal(challenge, 'http-01', 'validated by the CA over the wire');
  t.same(await seen.list('challenges'), []);
  t.same(await seen.list('accounts'), [], 'nor has it the key');

  const ask = async (host: string, token: string): Promise<string> => {
    const socket = connect(httpPort, '127.0.0.1');
    const path = `/.well-known/acme-challenge/${token}`;
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    return gather(socket);
  };
  const token = 't'.repeat(43);
  const thumbprint = String(await seen.read((await seen.list('thumbprints'))[0] ?? ''));
  t.match(await ask(name, token), new RegExp(`\\r\\n\\r\\n${token}\\.${thumbprint}$`));
  await seen.write(`challenges/http-01/${name}/${token}`, `${token}.of-another-account`);
  t.match(await ask(name, token), /\r\n\r\nt+\.of-another-account$/, 'what is stored goes first');
  t.match(await ask('stranger.example.com', token), /^HTTP\/1\.1 421 /, 'for configured names alone');
});
