import { connect, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { pause } from '../../../helpers/pause.ts';
import { gather } from '../../../helpers/serve.ts';
import { localSettings } from '../../../helpers/settings.ts';
import { supervise } from '../../../helpers/supervised.ts';
import { until } from '../../../helpers/until.ts';

const opened = (t: Test, port: number): Promise<Socket> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.on('error', () => undefined);
    t.teardown(() => socket.destroy());
  });

const answered = (socket: Socket): Promise<string> => {
  const answer = gather(socket);
  socket.write('GET / HTTP/1.1\r\nHost: links.example.com\r\nConnection: close\r\n\r\n');
  return answer;
};

t.test(
  'a slow client keeps its time when its worker is replaced: other workers accept, and nobody waits',
  async (t) => {
    const { workers, port } = supervise(t, localSettings(t));
    await workers.start();
    const slow = await opened(t, port);
    // connections are accepted in the order they come
    t.match(await answered(await opened(t, port)), /^HTTP\/1\.1 \d/);
    const rolled = workers.roll();
    await until('its worker drains', () => workers.list().some(({ state }) => state === 'draining'));
    await pause(2_000);
    t.equal(slow.readyState, 'open');
    t.match(await answered(slow), /^HTTP\/1\.1 \d/);
    await rolled;
  },
);

t.test('measures a worker; one that hangs is not waited for', async (t) => {
  const told: unknown[] = [];
  const { workers } = supervise(t, localSettings(t), {
    onMeasured: (_worker, snapshot) => told.push(snapshot),
  });
  await workers.start();
  const snapshot = (await workers.measure(1, AbortSignal.timeout(30_000))) as { name: string }[];
  t.ok(snapshot.some(({ name }) => name === 'linkgate_clicks_total'));
  await until('it reports by itself too', () => told.length > 0);

  const pid = workers.list()[0]?.pid ?? 0;
  process.kill(pid, 'SIGSTOP');
  await t.rejects(workers.measure(1, AbortSignal.timeout(50)), {
    message: 'worker 1 did not answer in time',
  });
  process.kill(pid, 'SIGCONT');
  await t.rejects(workers.measure(99, AbortSignal.timeout(50)), 'a worker that is gone does not answer');
});

t.test('a worker that cannot start says why', async (t) => {
  const settings = localSettings(t);
  const [upstream] = settings.upstreams;
  const { workers, exits } = supervise(t, {
    ...settings,
    upstreams: upstream === undefined ? [] : [{ ...upstream, origin: 'nowhere' }],
  });
  await t.rejects(workers.start(), { message: /Invalid URL/ });
  t.match(exits, [{ exitCode: 1 }]);
  t.strictSame(workers.list(), [], 'it is not tried again');
});

t.test('a worker that hangs is killed and replaced', async (t) => {
  const { workers, exits, numbers } = supervise(t, localSettings(t), { checkMs: 1_000 });
  await workers.start();
  process.kill(workers.list()[0]?.pid ?? 0, 'SIGSTOP');
  await until('it is replaced', () => numbers.started.length >= 2 && workers.isReady(), 30_000);
  t.match(exits, [{ signal: 'SIGKILL', expected: false }]);
});
