import { connect, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { holdSocket } from '../../../src/app/supervisor/held-socket.ts';
import { createWorkers, type Workers, type WorkersOptions } from '../../../src/app/supervisor/workers.ts';
import { systemClock } from '../../../src/core/platform/clock.ts';
import type { Events } from '../../../src/core/events.ts';
import type { Settings } from '../../../src/core/settings.ts';
import { pause } from '../../helpers/pause.ts';
import { gather } from '../../helpers/serve.ts';
import { localSettings } from '../../helpers/settings.ts';
import { until } from '../../helpers/until.ts';

interface Supervised {
  readonly workers: Workers;
  readonly port: number;
  readonly exits: Events['worker.exited'][];
  readonly numbers: { readonly started: number[]; readonly exited: number[] };
}

const supervise = (t: Test, settings: Settings, change: Partial<WorkersOptions> = {}): Supervised => {
  const sockets = {
    https: holdSocket('https', settings.listen.https),
    http: holdSocket('http', settings.listen.http),
  };
  const exits: Events['worker.exited'][] = [];
  const numbers = { started: [] as number[], exited: [] as number[] };
  const workers = createWorkers({
    settings,
    sockets: { https: sockets.https.handle, http: sockets.http.handle },
    logLevel: 'silent',
    emit: (name, event) => {
      if (name === 'worker.exited') exits.push(event as Events['worker.exited']);
    },
    clock: systemClock,
    onStarted: (worker) => numbers.started.push(worker),
    onExited: (worker) => numbers.exited.push(worker),
    onMeasured: () => undefined,
    ...change,
  });
  t.teardown(async () => {
    await workers.stop(0);
    sockets.https.close();
    sockets.http.close();
  });
  return { workers, port: sockets.http.address.port, exits, numbers };
};

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

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

t.test('starts as many as asked, replaces what dies, under numbers never used again', async (t) => {
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

t.test(
  'a slow client keeps its time where its worker is replaced: others accept, nobody waits',
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

t.test('measures a worker; one that is stuck is given up on', async (t) => {
  const told: unknown[] = [];
  const { workers } = supervise(t, localSettings(t), {
    onMeasured: (_worker, snapshot) => told.push(snapshot),
  });
  await workers.start();
  const snapshot = (await workers.measure(1, AbortSignal.timeout(5_000))) as { name: string }[];
  t.ok(snapshot.some(({ name }) => name === 'linkgate_clicks_total'));
  await until('it tells by itself too', () => told.length > 0);

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
    upstreams: upstream === undefined ? [] : [{ ...upstream, caFile: '/nowhere/ca.pem' }],
  });
  await t.rejects(workers.start(), { message: /ENOENT.*\/nowhere\/ca\.pem/ });
  t.match(exits, [{ exitCode: 1 }]);
  t.strictSame(workers.list(), [], 'it is not tried again');
});

t.test('one that keeps dying young is replaced after growing pauses', async (t) => {
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
    );
  }
  t.strictSame(pauses, [100, 200, 400], 'the first death costs no pause');
});

t.test('one that hangs is ended and replaced', async (t) => {
  const { workers, exits, numbers } = supervise(t, localSettings(t), { lookMs: 1_000 });
  await workers.start();
  process.kill(workers.list()[0]?.pid ?? 0, 'SIGSTOP');
  await until('it is replaced', () => numbers.started.length >= 2 && workers.isReady(), 30_000);
  t.match(exits, [{ signal: 'SIGKILL', expected: false }]);
});

t.test('a process that cannot be made is tried again', async (t) => {
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
