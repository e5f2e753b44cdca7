// A worker's life, seen by a supervisor that is this test: the process, its channel, its sockets.

import { connect } from 'node:net';
import t, { type Test } from 'tap';
import { gather } from '../../helpers/serve.ts';
import { localSettings } from '../../helpers/settings.ts';
import { tracker } from '../../helpers/tracker.ts';
import { until } from '../../helpers/until.ts';
import { startWorker, type StartedWorker } from '../../helpers/started-worker.ts';

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
    (worker: StartedWorker) => worker.tell({ type: 'drain', time: { timeoutMs: 5_000, graceMs: 1_000 } }),
  ],
  ['the supervisor is gone', (worker: StartedWorker) => worker.process.disconnect()],
  ['SIGTERM', (worker: StartedWorker) => worker.process.kill('SIGTERM')],
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

t.test('requests that finish during the drain are counted too', async (t) => {
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

t.test(
  'Ctrl-C and SIGHUP reach the whole group: the worker waits for the message of the supervisor',
  async (t) => {
    const worker = await startWorker(t, localSettings(t));
    worker.process.kill('SIGINT');
    worker.process.kill('SIGHUP');
    worker.tell({ type: 'measure', question: 7 });
    const measured = await until('it answers', () =>
      worker.heard.find((message) => message.type === 'measured' && message.question === 7),
    );
    t.match(measured, { snapshot: Array });
  },
);
