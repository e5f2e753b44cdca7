// The head of a response: the status line, and how the fields frame what follows.

import t from 'tap';
import { readResponseHead } from '../../../../src/serve/upstream/message/response-head.ts';

const head = (fields: string, start = 'HTTP/1.1 200 OK') => readResponseHead(`${start}\r\n${fields}`);

t.test('status lines', (t) => {
  for (const [line, status, reason] of [
    ['HTTP/1.1 200 OK', 200, 'OK'],
    ['HTTP/1.0 404 Not Found', 404, 'Not Found'],
    ['HTTP/1.1 200 ', 200, ''],
    ['HTTP/1.1 200', 200, ''],
    ['HTTP/1.1 999 Blocked', 999, 'Blocked'],
    ['HTTP/1.1 100 Continue', 100, 'Continue'],
    ['HTTP/1.1 200 caf\u00e9', 200, 'caf\u00e9'],
    ['HTTP/1.1 302 a\u0001b', 302, ''],
  ] as const)
    t.match(head('', line), { status, reason }, line);
  for (const line of [
    '',
    'HTTP/1.1',
    'HTTP/1.1 20 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 099 OK',
    'HTTP/1.1  200 OK',
    'HTTP/1.1\t200 OK',
    'HTTP/1.1 200OK',
    'HTTP/1.2 200 OK',
    'HTTP/2.0 200 OK',
    'HTTP/0.9 200 OK',
    'http/1.1 200 OK',
    ' HTTP/1.1 200 OK',
    '\r\nHTTP/1.1 200 OK',
    'ICY 200 OK',
    'HTTP/1.1 200 a\nb',
    'HTTP/1.1 200 a\rb',
  ])
    t.throws(() => head('', line), { code: 'ERR_UPSTREAM_INVALID' }, JSON.stringify(line));
  t.end();
});

t.test('framing', (t) => {
  for (const [fields, framing] of [
    ['', { contentLength: undefined, isChunked: false }],
    ['Content-Length: 5\r\n', { contentLength: 5 }],
    ['content-length: 0005\r\n', { contentLength: 5 }],
    ['Content-Length: 5\r\nContent-Length: 5\r\n', { contentLength: 5, fields: ['Content-Length', '5'] }],
    ['Content-Length: 5, 5 ,5\r\n', { contentLength: 5, fields: ['Content-Length', '5'] }],
    ['Transfer-Encoding: Chunked\r\n', { isChunked: true }],
  ] as const)
    t.match(head(fields), framing, JSON.stringify(fields));
  for (const fields of [
    'Content-Length: 5\r\nContent-Length: 6\r\n',
    'Content-Length: 5, 6\r\n',
    'Content-Length: 5,\r\n',
    'Content-Length:\r\n',
    'Content-Length: -1\r\n',
    'Content-Length: +5\r\n',
    'Content-Length: 5 5\r\n',
    'Content-Length: 0x5\r\n',
    'Content-Length: 5.0\r\n',
    'Content-Length: 1234567890123456\r\n',
    'Transfer-Encoding: gzip, chunked\r\n',
    'Transfer-Encoding: identity\r\n',
    'Transfer-Encoding: chunked, chunked\r\n',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n',
    'Transfer-Encoding: \r\n',
    'Transfer-Encoding: chunked;q=1\r\n',
    'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n',
    'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n',
  ])
    t.throws(() => head(fields), { code: 'ERR_UPSTREAM_INVALID' }, JSON.stringify(fields));
  t.throws(() => head('Transfer-Encoding: chunked\r\n', 'HTTP/1.0 200 OK'), { code: 'ERR_UPSTREAM_INVALID' });
  t.strictSame(head('A: b\r\nContent-Length: 5\r\nC: d\r\n', 'HTTP/1.1 204 X').fields, ['A', 'b', 'C', 'd']);
  t.end();
});

t.test('whether the connection stays, and for how long', (t) => {
  for (const [fields, isPersistent] of [
    ['', true],
    ['Connection: keep-alive\r\n', true],
    ['Connection: close\r\n', false],
    ['Connection: x, CLOSE\r\n', false],
    ['Connection: x\r\nConnection: close\r\n', false],
    ['Connection: closed\r\n', true],
  ] as const)
    t.match(head(fields), { isPersistent }, JSON.stringify(fields));
  t.match(head('Connection: keep-alive\r\n', 'HTTP/1.0 200 OK'), { isPersistent: false });
  for (const [value, keepAliveMs] of [
    ['timeout=5', 5_000],
    ['max=100, Timeout=72', 72_000],
    ['timeout=5; max=1', 5_000],
    ['max=5', undefined],
    ['timeout=x', undefined],
    ['xtimeout=5', undefined],
  ] as const)
    t.equal(head(`Keep-Alive: ${value}\r\n`).keepAliveMs, keepAliveMs, value);
  t.end();
});
