// Which idle connection is taken, and when they close; on a clock of the test's own.

import t from 'tap';
import type { Connection } from '../../../src/serve/upstream/connection.ts';
import { IdleConnections } from '../../../src/serve/upstream/idle-connections.ts';
import { until } from '../../helpers/until.ts';

const setUp = (idleMs = 1_000) => {
  const closed: string[] = [];
  const state = { nowMs: 0, unusable: '' };
  const idle = new IdleConnections({
    idleMs,
    isUsable: (connection) => connection.address !== state.unusable,
    nowMs: () => state.nowMs,
  });
  const add = (address: string, keepAliveMs = Infinity): void => {
    const close = (): void => {
      closed.push(address);
      idle.remove(connection);
    };
    const connection = { address, keepAliveMs, freeSinceMs: state.nowMs, close } as unknown as Connection;
    idle.add(connection);
  };
  return { idle, add, closed, state };
};

t.test('last used, first taken', (t) => {
  const { idle, add, closed } = setUp();
  for (const address of ['a', 'b', 'c']) add(address);
  t.equal(idle.take()?.address, 'c');
  t.equal(idle.closeOldest(), true);
  t.strictSame(closed, ['a']);
  t.equal(idle.take()?.address, 'b');
  t.equal(idle.take(), undefined);
  t.equal(idle.closeOldest(), false);
  t.equal(idle.size, 0);
  idle.stop();
  t.end();
});

t.test('what can carry nothing more is closed and not taken', (t) => {
  const { idle, add, closed, state } = setUp();
  add('short', 500);
  add('long');
  add('gone');
  state.unusable = 'gone';
  state.nowMs = 500;
  t.equal(idle.take()?.address, 'long');
  t.equal(idle.take(), undefined);
  t.strictSame(closed, ['gone', 'short']);
  add('old');
  state.nowMs = 1_500;
  t.equal(idle.take(), undefined);
  t.strictSame(closed, ['gone', 'short', 'old']);
  idle.stop();
  t.end();
});

t.test('they close by themselves, each in its time', async (t) => {
  const { idle, add, closed, state } = setUp(20);
  add('first');
  add('second', 10_000);
  state.nowMs = 20;
  add('third');
  await until('the first two are closed', () => closed.length === 2);
  t.equal(idle.size, 1, 'the third is not');
  state.nowMs = 40;
  await until('the third is closed', () => idle.size === 0);
  t.strictSame(closed, ['first', 'second', 'third']);
});
