import t from 'tap';
import type { Attempt } from '../../../src/serve/upstream/attempt.ts';
import { WaitingLine } from '../../../src/serve/upstream/waiting-line.ts';

const attempt = (): Attempt => ({}) as Attempt;

t.test('first come, first served; what was sent already goes first', (t) => {
  const line = new WaitingLine();
  const [a, b, c, d] = [attempt(), attempt(), attempt(), attempt()];
  line.add(a, 1, undefined);
  line.add(b, 2, undefined);
  t.equal(line.nextFor(false)?.attempt, a);
  const fresh = line.add(c, 3, { needsFresh: true });
  t.equal(line.nextFor(false)?.attempt, a, 'a used connection is nothing for it');
  t.equal(line.nextFor(true)?.attempt, c);
  line.add(d, 4, { needsFresh: false });
  t.equal(line.nextFor(false)?.attempt, d);
  t.strictSame(
    line.all().map(({ sinceMs }) => sinceMs),
    [4, 3, 1, 2],
  );
  line.remove(fresh);
  line.remove(fresh);
  t.equal(line.size, 3);
  t.equal(line.find(c), undefined);
  t.equal(line.find(b)?.sinceMs, 2);
  t.end();
});

t.test('who needs a connect, and who waits for others', (t) => {
  const line = new WaitingLine();
  t.equal(line.firstWithout(), undefined);
  const first = line.add(attempt(), 1, undefined);
  const second = line.add(attempt(), 2, undefined);
  t.equal(line.firstWithout(), first);
  first.until = 1;
  t.equal(line.firstWithout(), second);
  second.isQueued = true;
  t.equal(line.queued, 1);
  t.end();
});
