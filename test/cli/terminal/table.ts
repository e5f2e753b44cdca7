import t from 'tap';
import { fitTable, formatTable, widthOfStream, wrap, wrapWithin } from '../../../src/cli/terminal/table.ts';

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

t.test('a table that is too wide has its first cells on lines of their own', async (t) => {
  const rows = [
    ['DOMAIN', 'STATE', 'DAYS'],
    ['a-rather-long-name.example.com', '\u001B[32mlive\u001B[39m', '3'],
    ['b.example.com', 'pending', '-'],
  ];
  t.equal(fitTable(rows, 80), formatTable(rows));
  t.equal(fitTable(rows, Infinity), formatTable(rows));
  t.equal(
    fitTable(rows, 40),
    [
      'DOMAIN',
      '  STATE    DAYS',
      'a-rather-long-name.example.com',
      '  \u001B[32mlive\u001B[39m     3',
      'b.example.com',
      '  pending  -',
    ].join('\n'),
  );
});

t.test('a file has no width, a terminal may not know its own', async (t) => {
  t.equal(widthOfStream({}), Infinity);
  t.equal(widthOfStream({ columns: 0 }), Infinity);
  t.equal(widthOfStream({ columns: 80 }), 80);
});

t.test('lines are broken between words', async (t) => {
  t.strictSame(wrap('a bb ccc', 4), ['a bb', 'ccc']);
  t.strictSame(wrap('longer than that', 4), ['longer', 'than', 'that']);
  t.strictSame(
    wrap('\u001B[32ma\u001B[39m bb ccc', 4),
    ['\u001B[32ma\u001B[39m bb', 'ccc'],
    'colours take no room',
  );
  t.equal(wrapWithin('one two three four five six', 22, '  '), '  one two three four\n  five six');
  t.equal(wrapWithin('as long as it is', Infinity), 'as long as it is');
});
