import { connect, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { holdSocket } from '../../src/app/held-socket.ts';
import { createGates, type Gates, type GatesOptions } from '../../src/app/supervise.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { Events } from '../../src/core/events.ts';
import type { Settings } from '../../src/core/settings.ts';
import { pause } from '../helpers/pause.ts';
import { gather } from '../helpers/serve.ts';
import { localSettings } from '../helpers/settings.ts';
import { until } from '../helpers/until.ts';

interface Supervised {
  readonly gates: Gates;
  readonly port: number;
  readonly exits: Events['gate.exited'][];
  readonly numbers: { readonly started: number[]; readonly exited: number[] };
}

const supervise = (t: Test, settings: Settings, change: Partial<GatesOptions> = {}): Supervised => {
  const sockets = {
    https: holdSocket('https', settings.listen.https),
    http: holdSocket('http', settings.listen.http),
  };
  const exits: Events['gate.exited'][] = [];
  const numbers = { started: [] as number[], exited: [] as number[] };
  const gates = createGates({
    settings,
    sockets: { https: sockets.https.handle, http: sockets.http.handle },
    logLevel: 'silent',
    emit: (name, event) => {
      if (name === 'gate.exited') exits.push(event as Events['gate.exited']);
    },
    clock: systemClock,
    onStarted: (gate) => numbers.started.push(gate),
    onExited: (gate) => numbers.exited.push(gate),
    onMeasured: () => undefined,
    ...change,
  });
  t.teardown(async () => {
    await gates.stop(0);
    sockets.https.close();
    sockets.http.close();
  });
  return { gates, port: sockets.http.address.port, exits, numbers };
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
  const { gates, port, exits, numbers } = supervise(t, localSettings(t, undefined, { workers: 2 }));
  await gates.start();
  const before = gates.list();
  t.match(before, [{ state: 'ready' }, { state: 'ready' }]);
  t.equal(new Set(before.map(({ pid }) => pid)).size, 2);
  t.ok(await accepts(port));

  process.kill(before[0]?.pid ?? 0, 'SIGKILL');
  await until(
    'it is replaced',
    () => numbers.started.length === 3 && gates.list().every(({ state }) => state === 'ready'),
    30_000,
  );
  t.match(exits, [{ pid: before[0]?.pid, signal: 'SIGKILL', expected: false }]);
  t.strictSame(numbers, { started: [1, 2, 3], exited: [1] });

  await gates.stop(1_000);
  t.strictSame(gates.list(), []);
  t.match(exits.slice(1), [
    { exitCode: 0, expected: true },
    { exitCode: 0, expected: true },
  ]);
});

t.test('a slow client keeps its time where its gate is replaced: others accept, nobody waits', async (t) => {
  const { gates, port } = supervise(t, localSettings(t));
  await gates.start();
  const slow = await opened(t, port);
  // connections are accepted in the order they come
  t.match(await answered(await opened(t, port)), /^HTTP\/1\.1 \d/);
  const rolled = gates.roll();
  await until('its gate drains', () => gates.list().some(({ state }) => state === 'draining'));
  await pause(2_000);
  t.equal(slow.readyState, 'open');
  t.match(await answered(slow), /^HTTP\/1\.1 \d/);
  await rolled;
});

t.test('measures a gate; one that is stuck is given up on', async (t) => {
  const told: unknown[] = [];
  const { gates } = supervise(t, localSettings(t), { onMeasured: (_gate, snapshot) => told.push(snapshot) });
  await gates.start();
  const snapshot = (await gates.measure(1, AbortSignal.timeout(5_000))) as { name: string }[];
  t.ok(snapshot.some(({ name }) => name === 'linkgate_clicks_total'));
  await until('it tells by itself too', () => told.length > 0);

  const pid = gates.list()[0]?.pid ?? 0;
  process.kill(pid, 'SIGSTOP');
  await t.rejects(gates.measure(1, AbortSignal.timeout(50)), { message: 'gate 1 did not answer in time' });
  process.kill(pid, 'SIGCONT');
  await t.rejects(gates.measure(99, AbortSignal.timeout(50)), 'a gate that is gone does not answer');
});

t.test('a gate that cannot start says why', async (t) => {
  const settings = localSettings(t);
  const [upstream] = settings.upstreams;
  const { gates, exits } = supervise(t, {
    ...settings,
    upstreams: upstream === undefined ? [] : [{ ...upstream, caFile: '/nowhere/ca.pem' }],
  });
  await t.rejects(gates.start(), { message: /ENOENT.*\/nowhere\/ca\.pem/ });
  t.match(exits, [{ exitCode: 1 }]);
  t.strictSame(gates.list(), [], 'it is not tried again');
});

t.test('one that keeps dying young is replaced after growing pauses', async (t) => {
  const pauses: number[] = [];
  const { gates, numbers } = supervise(t, localSettings(t), {
    clock: {
      now: () => 0,
      sleep: (ms) => {
        pauses.push(ms);
        return Promise.resolve();
      },
    },
  });
  await gates.start();
  for (let death = 1; death <= 4; death += 1) {
    const [gate] = gates.list();
    process.kill(gate?.pid ?? 0, 'SIGKILL');
    await until(
      'it is replaced',
      () => numbers.started.length === death + 1 && gates.list()[0]?.state === 'ready',
    );
  }
  t.strictSame(pauses, [100, 200, 400], 'the first death costs no pause');
});

t.test('one that hangs is ended and replaced', async (t) => {
  const { gates, exits, numbers } = supervise(t, localSettings(t), { lookMs: 1_000 });
  await gates.start();
  process.kill(gates.list()[0]?.pid ?? 0, 'SIGSTOP');
  await until('it is replaced', () => numbers.started.length >= 2 && gates.isReady(), 30_000);
  t.match(exits, [{ signal: 'SIGKILL', expected: false }]);
});

t.test('a process that cannot be made is tried again', async (t) => {
  const pauses: number[] = [];
  const { gates, exits, numbers } = supervise(t, localSettings(t), {
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
  await gates.start();
  process.execPath = '/nowhere/node';
  process.kill(gates.list()[0]?.pid ?? 0, 'SIGKILL');
  await until('a gate serves again', () => numbers.started.length === 3 && gates.isReady(), 30_000);
  t.match(exits[1], {
    pid: 0,
    exitCode: null,
    code: 'ERR_INTERNAL',
    message: 'gate process cannot be started',
  });
  t.strictSame(pauses, [100]);
  await gates.stop(100);
  t.strictSame(gates.list(), [], 'and it can be stopped');
});

t.test('kill ends all at once', async (t) => {
  const { gates } = supervise(t, localSettings(t));
  await gates.start();
  gates.kill();
  await until('all are gone', () => gates.list().length === 0);
});
