import { createSecureContext, type SecureContext } from 'node:tls';
import t from 'tap';
import { ContextCloser } from '../../../src/cert/serving/context-closer.ts';
import { until } from '../../helpers/until.ts';

t.test('contexts are closed in their order, none before its time', async (t) => {
  const closer = new ContextCloser(100);
  const closed: { readonly index: number; readonly afterMs: number }[] = [];
  const add = (index: number): void => {
    const atMs = performance.now();
    const context = createSecureContext({}) as SecureContext & { context: { close(): void } };
    const { context: inner } = context;
    const close = inner.close.bind(inner);
    inner.close = () => {
      closed.push({ index, afterMs: performance.now() - atMs });
      close();
    };
    closer.closeLater(context);
  };
  add(0);
  add(1);
  await until('the first two', () => closed.length === 2);
  add(2);
  await until('one that came later', () => closed.length === 3);
  t.same(
    closed.map(({ index }) => index),
    [0, 1, 2],
  );
  t.ok(closed.every(({ afterMs }) => afterMs >= 100));
});
