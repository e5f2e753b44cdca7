// Chunks, whole and split at every byte.

import t from 'tap';
import { ChunkedContent } from '../../../../src/serve/upstream/message/chunked-content.ts';

interface Read {
  readonly content: string;
  readonly trailers: readonly string[];
  /** bytes behind the end; undefined when it did not end */
  readonly rest: number | undefined;
}

const read = (pieces: readonly string[]): Read => {
  let content = '';
  const chunks = new ChunkedContent((piece) => (content += piece.toString('latin1')));
  for (const [i, piece] of pieces.entries()) {
    const end = chunks.read(Buffer.from(piece, 'latin1'), 0);
    if (end < 0) continue;
    const rest = pieces.slice(i).join('').length - end;
    return { content, trailers: chunks.trailers(), rest };
  }
  return { content, trailers: [], rest: undefined };
};

const splits = (text: string): string[][] => [
  [text],
  text.split(''),
  ...Array.from({ length: text.length - 1 }, (_, i) => [text.slice(0, i + 1), text.slice(i + 1)]),
];

t.test('split at every byte', (t) => {
  for (const [text, expected] of [
    ['0\r\n\r\n', { content: '', trailers: [], rest: 0 }],
    ['5\r\nhello\r\n0\r\n\r\n', { content: 'hello', trailers: [], rest: 0 }],
    ['5\r\nhello\r\n0\r\n\r\nHTTP', { content: 'hello', trailers: [], rest: 4 }],
    ['00A\r\n0123456789\r\n1;x\r\n!\r\n0\r\n\r\n', { content: '0123456789!', rest: 0 }],
    ['2 \r\nab\r\n1\t;a="b";c\r\nc\r\n000\r\n\r\n', { content: 'abc', rest: 0 }],
    ['2\r\n\r\n\r\n0\r\n\r\n', { content: '\r\n', rest: 0 }],
    ['1\r\na\r\n0;last\r\nX: y\r\nZ : 1\r\n\r\n', { content: 'a', trailers: ['X', 'y', 'Z', '1'], rest: 0 }],
    // nothing that frames, and nothing that is no field, comes out of trailers
    ['0\r\nContent-Length: 5\r\nbad\r\nX: \x01\r\nA: b\r\n\r\n', { trailers: ['A', 'b'], rest: 0 }],
  ] as const) {
    const all = splits(text).filter(
      (pieces) => JSON.stringify(read(pieces)) !== JSON.stringify(read([text])),
    );
    t.strictSame(all, [], JSON.stringify(text));
    t.match(read([text]), expected, JSON.stringify(text));
  }
  t.end();
});

t.test('refused, wherever it is split', (t) => {
  for (const text of [
    '\r\n',
    '5\nhello\r\n0\r\n\r\n',
    '-5\r\nhello',
    '0x5\r\nhello',
    '+5\r\nhello',
    'g\r\n',
    ' 5\r\nhello',
    '5 5\r\nhello',
    '5;\x00\r\nhello',
    '5;a\rb\r\nhello',
    '5;a\nb\r\nhello',
    '10000000000000\r\n',
    '5\r\nhelloX\r\n0\r\n\r\n',
    '5\r\nhello\n0\r\n\r\n',
    '5\r\nhello0\r\n\r\n',
    '0\r\nX: y\n\r\n',
    '0\r\n\n',
    '0\r\nContent-Length : 5\r\n\r\n',
  ]) {
    const ends = splits(text).map((pieces) => {
      try {
        return read(pieces).rest === undefined ? 'goes on' : 'whole';
      } catch (error) {
        return (error as { code?: string }).code;
      }
    });
    t.strictSame([...new Set(ends)], ['ERR_UPSTREAM_INVALID'], JSON.stringify(text));
  }
  t.end();
});

t.test('ceilings: extensions, a line without end, trailers', (t) => {
  const refused = (pieces: readonly string[]): void => {
    t.throws(() => read(pieces), { code: 'ERR_UPSTREAM_INVALID' });
  };
  refused(Array.from({ length: 2_000 }, () => '1;extension\r\na\r\n'));
  refused([`1;${'x'.repeat(20_000)}`]);
  refused(Array.from({ length: 3_000 }, () => '0'.repeat(10)));
  refused(['0\r\n', ...Array.from({ length: 2_000 }, () => 'X: 0123456789\r\n')]);
  t.equal(read(Array.from({ length: 50_000 }, () => '1\r\na\r\n')).content.length, 50_000);
  t.end();
});
