import t from 'tap';
import { BoundedLines } from '../../../src/observe/logs/bounded-lines.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';

const listen = () => {
  const clock = fakeClock();
  const bounded = new BoundedLines(clock);
  const written: string[] = [];
  const tell = (kind: string, text: string): void =>
    bounded.write(kind, (suppressed) => written.push(`${kind} ${text} +${suppressed}`));
  return { clock, bounded, written, tell };
};

t.test(
  'the first of each kind is written at once, later ones once in ten seconds with their number',
  async (t) => {
    const { clock, written, tell } = listen();
    for (const text of ['1', '2', '3']) tell('a', text);
    tell('b', '1');
    t.strictSame(written, ['a 1 +0', 'b 1 +0']);
    await clock.advance(10_000);
    t.strictSame(written.slice(2), ['a 3 +1'], 'the latest is written, one was left out');
    await clock.advance(10_000);
    t.strictSame(clock.sleepers(), [], 'a quiet kind holds no timer');
    tell('a', '4');
    t.equal(written.at(-1), 'a 4 +0');
  },
);

t.test('a line that makes another of its kind does not write for ever', async (t) => {
  const { bounded, clock } = listen();
  let count = 0;
  const again = (): void => {
    count += 1;
    bounded.write('a', again);
  };
  bounded.write('a', again);
  t.equal(count, 1);
  bounded.stop();
  await clock.advance(0);
});

t.test('stop writes what was left out, and holds no timer', async (t) => {
  const { clock, bounded, written, tell } = listen();
  for (const text of ['1', '2', '3']) tell('a', text);
  bounded.stop();
  await clock.advance(0);
  t.strictSame(written, ['a 1 +0', 'a 3 +1']);
  t.strictSame(clock.sleepers(), []);
});
