import t from 'tap';
import { coloursFor } from '../../../src/cli/terminal/paint.ts';

t.test('colours on a terminal only, and not for NO_COLOR or a dumb one', async (t) => {
  t.equal(coloursFor({ isTTY: true }, {}).red('x'), '\u001B[31mx\u001B[39m');
  t.equal(
    coloursFor({ isTTY: true }, { NO_COLOR: '' }).red('x'),
    '\u001B[31mx\u001B[39m',
    'empty is not set',
  );
  t.equal(coloursFor({ isTTY: true }, {}).green(''), '');
  for (const [stream, env] of [
    [{}, {}],
    [{ isTTY: false }, {}],
    [{ isTTY: true }, { NO_COLOR: '1' }],
    [{ isTTY: true }, { TERM: 'dumb' }],
  ] as const)
    t.equal(coloursFor(stream, env).red('x'), 'x');
});
