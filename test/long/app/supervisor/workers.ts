import { connect } from 'node:net';
import t from 'tap';
import { localSettings } from '../../../helpers/settings.ts';
import { supervise } from '../../../helpers/supervised.ts';
import { until } from '../../../helpers/until.ts';

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

t.test('starts as many as the settings say, replaces dead ones, and uses no number twice', async (t) => {
  const { workers, port, exits, numbers } = supervise(t, localSettings(t, undefined, { workers: 2 }));
  await workers.start();
  const before = workers.list();
  t.match(before, [{ state: 'ready' }, { state: 'ready' }]);
  t.equal(new Set(before.map(({ pid }) => pid)).size, 2);
  t.ok(await accepts(port));

  process.kill(before[0]?.pid ?? 0, 'SIGKILL');
  await until(
    'it is replaced',
    () => numbers.started.length === 3 && workers.list().every(({ state }) => state === 'ready'),
    30_000,
  );
  t.match(exits, [{ pid: before[0]?.pid, signal: 'SIGKILL', expected: false }]);
  t.strictSame(numbers, { started: [1, 2, 3], exited: [1] });

  await workers.stop(1_000);
  t.strictSame(workers.list(), []);
  t.match(exits.slice(1), [
    { exitCode: 0, expected: true },
    { exitCode: 0, expected: true },
  ]);
});

t.test('a worker that dies young again and again is replaced after growing pauses', async (t) => {
  const pauses: number[] = [];
  const { workers, numbers } = supervise(t, localSettings(t), {
    clock: {
      now: () => 0,
      sleep: (ms) => {
        pauses.push(ms);
        return Promise.resolve();
      },
    },
  });
  await workers.start();
  for (let death = 1; death <= 4; death += 1) {
    const [worker] = workers.list();
    process.kill(worker?.pid ?? 0, 'SIGKILL');
    await until(
      'it is replaced',
      () => numbers.started.length === death + 1 && workers.list()[0]?.state === 'ready',
      30_000,
    );
  }
  t.strictSame(pauses, [100, 200, 400], 'the first death costs no pause');
});

t.test('a process that cannot be started is tried again', async (t) => {
  const pauses: number[] = [];
  const { workers, exits, numbers } = supervise(t, localSettings(t), {
    clock: {
      now: () => 0,
      sleep: async (ms) => {
        pauses.push(ms);
        // the machine recovers while we pause
        process.execPath = execPath;
      },
    },
  });
  const { execPath } = process;
  t.teardown(() => (process.execPath = execPath));
  await workers.start();
  process.execPath = '/nowhere/node';
  process.kill(workers.list()[0]?.pid ?? 0, 'SIGKILL');
  await until('a worker serves again', () => numbers.started.length === 3 && workers.isReady(), 30_000);
  t.match(exits[1], {
    pid: 0,
    exitCode: null,
    code: 'ERR_INTERNAL',
    message: 'worker process cannot be started',
  });
  t.strictSame(pauses, [100]);
  await workers.stop(100);
  t.strictSame(workers.list(), [], 'and it can be stopped');
});

t.test('kill ends all at once', async (t) => {
  const { workers } = supervise(t, localSettings(t));
  await workers.start();
  workers.kill();
  await until('all are gone', () => workers.list().length === 0);
});
