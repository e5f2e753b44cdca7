// Whole responses from bytes, split at every byte: what each part of the reader makes of them together.

import t from 'tap';
import { ResponseReader } from '../../../../src/serve/upstream/message/response-reader.ts';
import { readResponse, type ReadResponse } from '../../../helpers/read-response.ts';

const OK = 'HTTP/1.1 200 OK\r\n';

const same = (pieces: readonly string[], method = 'GET'): ReadResponse =>
  readResponse(
    method,
    pieces.map((piece) => Buffer.from(piece, 'latin1')),
  );

t.test('each framing, split at every byte', (t) => {
  for (const [text, expected, method] of [
    [`${OK}Content-Length: 5\r\n\r\nhello`, { content: 'hello', end: 'whole', rest: 0 }],
    [`${OK}Content-Length: 5\r\n\r\nhelloHTTP`, { content: 'hello', end: 'whole', rest: 4 }],
    [`${OK}Content-Length: 0\r\n\r\n`, { content: '', end: 'whole', rest: 0 }],
    [`${OK}Content-Length: 5\r\n\r\nhell`, { content: 'hell', end: 'open' }],
    [`${OK}\r\nhello`, { content: 'hello', end: 'until end' }],
    [`${OK}\r\n`, { content: '', end: 'until end' }],
    [`HTTP/1.0 200 OK\r\n\r\nhello`, { content: 'hello', end: 'until end' }],
    [
      `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n`,
      { content: 'hello', trailers: ['A', 'b'], end: 'whole', rest: 0 },
    ],
    [`${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n`, { content: 'hello', end: 'open' }],
    [`${OK}Content-Length: 5\r\n\r\n`, { content: '', end: 'whole', rest: 0 }, 'HEAD'],
    [`${OK}Transfer-Encoding: chunked\r\n\r\n`, { content: '', end: 'whole', rest: 0 }, 'HEAD'],
    [`${OK}\r\n`, { content: '', end: 'whole', rest: 0 }, 'HEAD'],
    [
      `HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n`,
      { status: 304, fields: ['Content-Length', '5'], end: 'whole', rest: 0 },
    ],
    [
      `HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nx`,
      { status: 204, fields: [], end: 'whole', rest: 1 },
    ],
    [
      `HTTP/1.1 100 Continue\r\n\r\n${OK}Content-Length: 1\r\n\r\nx`,
      { status: 200, interim: [], content: 'x', end: 'whole' },
    ],
    [
      `HTTP/1.1 103 Early\r\nLink: <a>\r\n\r\nHTTP/1.1 102 P\r\n\r\n${OK}Content-Length: 0\r\n\r\n`,
      { interim: [103, 102], end: 'whole' },
    ],
    ['HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n', { status: 205, end: 'whole', rest: 0 }],
  ] as const) {
    // prettier-ignore
    const whole = same([text], method);
    t.match(whole, expected, JSON.stringify(text));
    const others = [
      text.split(''),
      ...Array.from({ length: text.length - 1 }, (_, i) => [text.slice(0, i + 1), text.slice(i + 1)]),
    ].filter((pieces) => JSON.stringify(same(pieces, method)) !== JSON.stringify(whole));
    t.strictSame(others, []);
  }
  t.end();
});

t.test('refused', (t) => {
  const interim = 'HTTP/1.1 103 Early Hints\r\n\r\n';
  for (const text of [
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
    `HTTP/1.1 100 Continue\r\n\r\nnonsense\r\n\r\n`,
    interim.repeat(33) + OK,
    `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n`,
    `${OK}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
  ])
    t.match(same([text]), { end: 'ERR_UPSTREAM_INVALID' }, text.slice(0, 60));
  t.match(same([interim.repeat(32), `${OK}Content-Length: 0\r\n\r\n`]), { end: 'whole' });
  t.end();
});

t.test('what it hands over is a view of what it was given', (t) => {
  const bytes = Buffer.from(`${OK}Content-Length: 2\r\n\r\nok`);
  const reader = new ResponseReader('GET', {
    onInterim: () => undefined,
    onHead: () => undefined,
    onContent: (piece) => t.equal(piece.buffer, bytes.buffer, 'nothing is copied'),
  });
  t.equal(reader.read(bytes), bytes.length);
  t.end();
});
