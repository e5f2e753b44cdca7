import t from 'tap';
import { createStalledReaders, type StalledReader } from '../../../src/serve/request/stalled-readers.ts';

t.test('above the number of places the one that stalled longest is cut; one that goes on is not', (t) => {
  const cut: string[] = [];
  const readers = createStalledReaders(2);
  const reader = (name: string): StalledReader => ({ cut: () => cut.push(name) });
  const [a, b, c, d] = [reader('a'), reader('b'), reader('c'), reader('d')];
  readers.enter(a);
  readers.enter(b);
  readers.enter(a);
  t.same(cut, [], 'one that is there already takes no second place');
  readers.leave(a);
  readers.enter(c);
  t.same(cut, []);
  readers.enter(a);
  t.same(cut, ['b'], 'it had moved on, and stalls for the shortest time now');
  readers.enter(d);
  t.same(cut, ['b', 'c']);
  readers.leave(b);
  readers.leave(d);
  readers.enter(b);
  t.same(cut, ['b', 'c'], 'a place was free');
  t.end();
});
