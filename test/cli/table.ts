import t from 'tap';
import { formatTable } from '../../src/cli/table.ts';

t.test('columns are as wide as their widest cell', async (t) => {
  t.equal(
    formatTable([
      ['A', 'B'],
      ['long cell', 'x'],
    ]),
    'A          B\nlong cell  x',
  );
  t.equal(formatTable([]), '');
});

t.test('colours take no room', async (t) => {
  t.equal(
    formatTable([
      ['\u001B[32mok\u001B[39m', 'x'],
      ['long', 'y'],
    ]),
    '\u001B[32mok\u001B[39m    x\nlong  y',
  );
});
