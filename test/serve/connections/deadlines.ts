import type { Socket } from 'node:net';
import t from 'tap';
import { createDeadlines } from '../../../src/serve/connections/deadlines.ts';
import { pause } from '../../helpers/pause.ts';
import { until } from '../../helpers/until.ts';

/** known by identity alone */
const sockets = (count: number): Socket[] => Array.from({ length: count }, () => ({}) as Socket);

t.test('a socket that is not stopped in time is late, once, in the order of start', async (t) => {
  const late: Socket[] = [];
  let firstMs: number | undefined;
  const deadlines = createDeadlines(200, (socket) => {
    firstMs ??= performance.now() - started;
    late.push(socket);
  });
  const all = sockets(500);
  const started = performance.now();
  for (const socket of all) deadlines.start(socket);
  const [first, stopped] = all;
  if (first === undefined || stopped === undefined) throw new Error('no sockets');
  t.equal(deadlines.stop(stopped), true, 'its time ran');
  t.equal(deadlines.stop(stopped), false, 'and does no more');
  t.same([...deadlines.waiting()].length, 499);
  await until('all are late', () => late.length === 499);
  t.ok((firstMs ?? 0) >= 199, `none before its time: the first after ${firstMs} ms`);
  t.strictSame(
    late,
    all.filter((socket) => socket !== stopped),
  );
  t.equal(deadlines.stop(first), false, 'too late');
});

t.test('each socket has its whole time, whenever it started', async (t) => {
  const lives: number[] = [];
  const started = new Map<Socket, number>();
  const deadlines = createDeadlines(150, (socket) => {
    lives.push(performance.now() - (started.get(socket) ?? 0));
  });
  const all = sockets(6);
  for (const socket of all) {
    started.set(socket, performance.now());
    deadlines.start(socket);
    await pause(40);
  }
  await until('all are late', () => lives.length === all.length);
  t.ok(Math.min(...lives) >= 149, `the shortest had ${Math.min(...lives)} ms`);
  const [again] = sockets(1);
  if (again === undefined) throw new Error('no socket');
  deadlines.start(again);
  await until('the clock runs again after a rest', () => lives.length === all.length + 1);
});

t.test('other work has its turns while thousands are late at once', async (t) => {
  let late = 0;
  let atOnce = 0;
  let most = 0;
  const deadlines = createDeadlines(50, () => {
    late += 1;
    atOnce += 1;
    most = Math.max(most, atOnce);
  });
  for (const socket of sockets(1_000)) deadlines.start(socket);
  const turn = (): Promise<void> =>
    new Promise((resolve) => {
      setImmediate(() => {
        atOnce = 0;
        resolve();
      });
    });
  for (;;) {
    await turn();
    if (late === 1_000) break;
  }
  t.ok(most <= 128, `${most} were cut between two turns`);
});

t.test('a closed clock cuts nobody', async (t) => {
  const deadlines = createDeadlines(20, () => t.fail('late'));
  const [before, after] = sockets(2);
  if (before === undefined || after === undefined) throw new Error('no sockets');
  deadlines.start(before);
  deadlines.close();
  deadlines.start(after);
  await pause(200);
  t.equal([...deadlines.waiting()].length, 2);
});
