import t from 'tap';
import { Attempt, type AttemptSlot } from '../../../src/serve/upstream/attempt.ts';

const quiet = {
  onControl: () => undefined,
  onInform: () => undefined,
  onHead: () => undefined,
  onData: () => true,
  onEnd: () => undefined,
};

t.test('a place is given back exactly once, whatever undici says after', (t) => {
  const released: AttemptSlot[] = [];
  const errors: Error[] = [];
  const attempt = new Attempt({
    request: { method: 'GET', target: '/', fields: [], body: undefined },
    listener: { ...quiet, onError: (error) => errors.push(error) },
    release: (slot: AttemptSlot) => released.push(slot),
    again: () => t.fail('a fresh connection is not tried again'),
  });
  const slot = { served: 0, pause: undefined };
  attempt.take(slot);
  attempt.onConnect(() => undefined);
  t.equal(slot.served, 1);
  attempt.onError(Object.assign(new Error('x'), { code: 'UND_ERR_SOCKET' }));
  attempt.onError(new Error('again'));
  t.same(released, [slot]);
  t.equal(errors[0]?.message, 'x');
  t.end();
});

t.test('given up before it started: nothing is written, nobody is told', (t) => {
  const attempt = new Attempt({
    request: { method: 'GET', target: '/', fields: [], body: undefined },
    listener: { ...quiet, onError: () => t.fail('the one who gave up knows') },
    release: () => undefined,
    again: () => t.fail('not sent again'),
  });
  attempt.take({ served: 3, pause: undefined });
  attempt.abort();
  t.throws(() => attempt.onConnect(() => undefined));
  attempt.onError(Object.assign(new Error('x'), { code: 'UND_ERR_SOCKET' }));
  t.end();
});

t.test('a kept connection that dies late was acting, not stale: not sent again', (t) => {
  for (const [afterMs, repeats] of [
    [20, true],
    [1_000, true],
    [1_001, false],
    [4_000, false],
  ] as const) {
    let nowMs = 50_000;
    const outcome: string[] = [];
    const attempt = new Attempt({
      request: { method: 'GET', target: '/', fields: [], body: undefined },
      listener: { ...quiet, onError: () => outcome.push('error') },
      release: () => outcome.push('released'),
      again: () => outcome.push('again'),
      nowMs: () => nowMs,
    });
    attempt.take({ served: 1, pause: undefined });
    // the wait for the connection does not count
    nowMs += 10_000;
    attempt.onConnect(() => undefined);
    nowMs += afterMs;
    attempt.onError(Object.assign(new Error('x'), { code: 'UND_ERR_SOCKET' }));
    t.same(outcome, repeats ? ['again'] : ['released', 'error'], `after ${afterMs} ms`);
  }
  t.end();
});
