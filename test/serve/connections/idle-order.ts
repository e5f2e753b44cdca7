import { Socket } from 'node:net';
import t from 'tap';
import { IdleOrder } from '../../../src/serve/connections/idle-order.ts';
import { until } from '../../helpers/until.ts';

t.test('the connection that has been idle longest', async (t) => {
  const order = new IdleOrder();
  const [a, b, c] = [new Socket(), new Socket(), new Socket()];
  t.equal(order.longest(), undefined);
  order.idle(a);
  await until('a moment has passed', () => order.idleMs(a) > 0);
  order.idle(b);
  t.equal(order.longest(), a);
  t.equal(order.longestOf([c, b, a]), a);
  t.equal(order.longestOf([c]), undefined, 'a busy one is never idle');
  t.equal(order.idleMs(c), 0);
});

t.test('a request makes a connection busy, and its end begins the time again', async (t) => {
  const order = new IdleOrder();
  const [a, b] = [new Socket(), new Socket()];
  order.idle(a);
  order.idle(b);
  order.busy(a);
  t.equal(order.longest(), b);
  t.equal(order.idleMs(a), 0);
  order.idle(a);
  t.equal(order.longest(), b, 'behind those that were idle before');
  order.busy(b);
  t.equal(order.longest(), a);
});
