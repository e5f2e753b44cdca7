// The bytes of a request's head, as a tracker sees them.

import t from 'tap';
import { announcedLength, requestHead } from '../../../../src/serve/upstream/message/request-head.ts';

const request = { method: 'GET', target: '/e/c/x?y', fields: ['Host', 'links.example.com', 'X-A', 'b'] };
const START = 'host: links.example.com\r\nconnection: keep-alive\r\nX-A: b\r\n';

t.test('Host first, the fields as they came, one framing', (t) => {
  t.equal(requestHead(request, undefined, false), `GET /e/c/x?y HTTP/1.1\r\n${START}\r\n`);
  t.equal(
    requestHead({ ...request, method: 'HEAD' }, undefined, true),
    'HEAD /e/c/x?y HTTP/1.1\r\nhost: links.example.com\r\nconnection: close\r\nX-A: b\r\n\r\n',
  );
  const framed = ['Content-Length', '7', ...request.fields];
  for (const [method, content, line] of [
    ['POST', 7, 'content-length: 7\r\n'],
    ['POST', 0, 'content-length: 0\r\n'],
    ['POST', undefined, 'content-length: 0\r\n'],
    ['POST', 'chunked', 'transfer-encoding: chunked\r\n'],
    ['DELETE', 0, ''],
    ['DELETE', undefined, ''],
    ['X', 3, 'content-length: 3\r\n'],
  ] as const)
    t.equal(
      requestHead({ ...request, method, fields: framed }, content, false),
      `${method} /e/c/x?y HTTP/1.1\r\n${START}${line}\r\n`,
      `${method} ${content}`,
    );
  t.equal(announcedLength(framed), 7);
  t.equal(announcedLength(request.fields), undefined);
  t.end();
});

t.test('no part of it can make a line, or a request, more', (t) => {
  for (const change of [
    { target: '/x HTTP/1.1\r\nX: y' },
    { target: '/x\n' },
    { target: '/x y' },
    { target: '' },
    // its low byte is CR: latin1 would write one
    { target: '/\u010d' },
    { method: 'GET /\r\nX: ' },
    { fields: ['Host', 'a\r\nX: y'] },
    { fields: ['Host', 'a', 'X', 'y\r\nZ: 1'] },
    { fields: ['Host', 'a', 'X\n', 'y'] },
  ])
    t.throws(() => requestHead({ ...request, ...change }, undefined, false), {
      code: 'ERR_REQUEST_MALFORMED',
    });
  t.end();
});
