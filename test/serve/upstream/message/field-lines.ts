// Field lines of a response: what is taken, what is dropped, what ends the response.

import t from 'tap';
import { readFieldLines } from '../../../../src/serve/upstream/message/field-lines.ts';

const read = (text: string): string[] => {
  const fields: string[] = [];
  readFieldLines(text, 0, (name, value) => fields.push(name, value));
  return fields;
};

t.test('fields are taken in order, blanks around a value are not', (t) => {
  for (const [text, fields] of [
    ['', []],
    ['A: b\r\n', ['A', 'b']],
    ['A:b\r\nA: \t c \t\r\n', ['A', 'b', 'A', 'c']],
    ['Empty:\r\nX: :\r\n', ['Empty', '', 'X', ':']],
    ['X: caf\u00e9\u00a0\r\n', ['X', 'caf\u00e9\u00a0']],
    // RFC 9112 §5.1: a proxy takes the blanks away
    ['X-A : b\r\nX-B\t: c\r\n', ['X-A', 'b', 'X-B', 'c']],
    // obs-fold, RFC 9112 §5.2
    ['X: a\r\n b\r\n\t c\r\nY: d\r\n', ['X', 'a b c', 'Y', 'd']],
    ['X:\r\n a\r\n', ['X', 'a']],
  ] as const)
    t.strictSame(read(text), fields, JSON.stringify(text));
  t.end();
});

t.test('a line that changes no framing is dropped alone', (t) => {
  for (const line of [
    'no colon',
    'one',
    ': nameless',
    ':: x',
    'X y: z',
    'X\u0000: z',
    'X(): z',
    'X-Caf\u00e9: z',
    'Location: https://a/\u0001b',
    'X: a\rb',
    'X: \u007f',
    'Content Length: 5',
  ])
    t.strictSame(read(`A: b\r\n${line}\r\nC: d\r\n`), ['A', 'b', 'C', 'd'], JSON.stringify(line));
  t.strictSame(read(' X: starts with a blank\r\nC: d\r\n'), ['C', 'd']);
  t.end();
});

t.test('what frames the message, or nearly does, and a bare LF, are refused', (t) => {
  for (const text of [
    'Content-Length : 5\r\n',
    'Transfer-Encoding\t: chunked\r\n',
    'Connection : close\r\n',
    'Content-Length\u0000: 5\r\n',
    '\u0001Content-Length: 5\r\n',
    'Content-Length\r\n',
    'Content-Length 5\r\n',
    'Connection\u00a0: close\r\n',
    'Content-Length: 5\u0000\r\n',
    'Connection: \u0001close\r\n',
    'Transfer-Encoding:\r\n chunked\r\n',
    'Content-Length: 5\r\n 6\r\n',
    ' Content-Length: 5\r\n',
    'X: a\nContent-Length: 5\r\n',
    'X: a\n\r\n',
    'X\n: a\r\n',
    '\nX: a\r\n',
    'X: a\r\n b\nc\r\n',
  ])
    t.throws(() => read(text), { code: 'ERR_UPSTREAM_INVALID' }, JSON.stringify(text));
  t.throws(() => read('A: b\r\n'.repeat(1_001)), { code: 'ERR_UPSTREAM_INVALID' });
  t.equal(read('A: b\r\n'.repeat(1_000)).length, 2_000);
  t.end();
});
