import * as fc from 'fast-check';
import t from 'tap';
import { hasNoContent } from '../../../src/serve/http/content.ts';
import { DEFAULT_LIMITS } from '../../../src/serve/limits.ts';
import {
  readRequestFields,
  refuseLargeContent,
  responseFields,
  trailerFields,
  type RequestShape,
} from '../../../src/serve/request/headers.ts';

const HOST = ['Host', 'links.example.com'];
const read = (fields: string[], change: Partial<RequestShape> = {}) =>
  readRequestFields(
    { method: 'POST', httpVersion: '1.1', fields, strayContent: false, ...change },
    DEFAULT_LIMITS,
  );
const malformed = { code: 'ERR_REQUEST_MALFORMED' };

t.test('fields that pass keep their order, repetition and spelling', (t) => {
  const fields = [
    'Accept',
    'a',
    'HOST',
    'h',
    'cookie',
    'x=1',
    'X-A',
    '1',
    'accept',
    'b',
    'Range',
    'bytes=0-1',
  ];
  t.same(read(fields).forwarded, [
    'Accept',
    'a',
    'cookie',
    'x=1',
    'X-A',
    '1',
    'accept',
    'b',
    'Range',
    'bytes=0-1',
  ]);
  t.equal(read(fields).host, 'h');
  t.end();
});

t.test('hop-by-hop fields and those in Connection do not pass', (t) => {
  const fields = [
    ...HOST,
    'Keep-Alive', '5', 'TE', 'gzip', 'Proxy-Connection', 'x', 'Proxy-Authorization', 'x',
    'Proxy-Authenticate', 'x', 'X-Mine', '1', 'Connection', 'close, X-MINE', 'connection', ' x-other ',
    'X-Other', '2', 'X-Kept', '3',
  ]; // prettier-ignore
  t.same(read(fields).forwarded, ['X-Kept', '3']);
  t.end();
});

t.test('Connection cannot remove the framing or Host of the message', (t) => {
  const got = read([...HOST, 'Connection', 'content-length, host, x-forwarded-for', 'Content-Length', '3']);
  t.same(got.forwarded, ['Content-Length', '3']);
  t.equal(got.contentLength, 3);
  t.end();
});

t.test('identity fields of a client are dropped, in every spelling', (t) => {
  for (const name of [
    'X-Forwarded-For',
    'x_forwarded_for',
    'X.Forwarded.For',
    'X-Forwarded_For',
    'X-Forwarded-Proto',
    'X-Forwarded-Host',
    'X-Forwarded-Port',
    'X-Forwarded-Anything',
    'Forwarded',
    'X-Real-IP',
    'X_Real_IP',
    'x.real-ip',
  ]) {
    t.same(read([...HOST, name, '6.6.6.6']).forwarded, [], name);
  }
  t.same(read([...HOST, 'X_Mine', '1', 'a.b', '2']).forwarded, ['X_Mine', '1', 'a.b', '2'], 'others pass');
  const got = read([
    ...HOST,
    'x-forwarded-for',
    'a',
    'X-Forwarded-For',
    'b, c',
    'X-Forwarded-Proto',
    'https',
  ]);
  t.equal(got.forwardedFor, 'a, b, c');
  t.equal(got.forwardedProto, 'https');
  t.end();
});

t.test('framing that two parsers could read differently is refused', (t) => {
  const cases: [string, string[], Partial<RequestShape>?][] = [
    ['no Host', []],
    ['two Hosts', [...HOST, ...HOST]],
    ['two Content-Lengths', [...HOST, 'Content-Length', '1', 'content-length', '1']],
    ['both', [...HOST, 'Content-Length', '1', 'Transfer-Encoding', 'chunked']],
    ['two chunked', [...HOST, 'Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked']],
    ['TE in HTTP/1.0', [...HOST, 'Transfer-Encoding', 'chunked'], { httpVersion: '1.0' }],
    ['TE in HTTP/2', [...HOST, 'Transfer-Encoding', 'chunked'], { httpVersion: '2' }],
    ['Connection in HTTP/2', [...HOST, 'connection', 'x'], { httpVersion: '2' }],
    ['Keep-Alive in HTTP/2', [...HOST, 'keep-alive', 'x'], { httpVersion: '2' }],
    ['Upgrade in HTTP/2', [...HOST, 'upgrade', 'h2c'], { httpVersion: '2' }],
    ['TE gzip in HTTP/2', [...HOST, 'te', 'gzip'], { httpVersion: '2' }],
    ['name with a space', [...HOST, 'a b', 'x']],
    ['name with a colon', [...HOST, 'a:b', 'x']],
    ['empty name', [...HOST, '', 'x']],
    ['name with NUL', [...HOST, 'a\0', 'x']],
    ['value with CR LF', [...HOST, 'a', 'x\r\nb: y']],
    ['value with NUL', [...HOST, 'a', 'x\0']],
    ['Expect', [...HOST, 'Expect', '200-maybe']],
  ];
  for (const length of ['', '+1', '-1', '0x1', '1 ', '1,1', '1e3', ' 1', '1'.repeat(16), '①'])
    cases.push([`Content-Length ${length}`, [...HOST, 'Content-Length', length]]);
  for (const coding of [
    'identity',
    'gzip',
    'chunked, chunked',
    'gzip, chunked',
    'xchunked',
    'chunked;x',
    '',
    '\tchunked',
  ])
    cases.push([`Transfer-Encoding ${coding}`, [...HOST, 'Transfer-Encoding', coding]]);
  for (const [what, fields, change] of cases) t.throws(() => read(fields, change), malformed, what);
  t.same(read([...HOST, 'Transfer-Encoding', 'Chunked']).hasContent, true);
  t.same(read([...HOST, 'te', 'trailers'], { httpVersion: '2' }).forwarded, []);
  t.end();
});

t.test('content is accepted only for methods that give it a meaning', (t) => {
  for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']) {
    t.ok(hasNoContent(method));
    t.throws(() => read([...HOST, 'Content-Length', '1'], { method }), malformed, method);
    t.throws(() => read([...HOST, 'Transfer-Encoding', 'chunked'], { method }), malformed, method);
    t.throws(() => read(HOST, { method, httpVersion: '2', strayContent: true }), malformed, method);
    t.equal(read([...HOST, 'Content-Length', '0'], { method }).hasContent, false);
  }
  for (const method of ['POST', 'PUT', 'PATCH'])
    t.equal(read([...HOST, 'Content-Length', '1'], { method }).hasContent, true);
  t.end();
});

t.test('an offer of another protocol is ignored', (t) => {
  const offers: [string[], boolean][] = [
    [['Connection', 'Upgrade', 'Upgrade', 'websocket'], true],
    [['Upgrade', 'TLS/1.2', 'Connection', 'keep-alive, upgrade'], true],
    [['Connection', 'Upgrade, HTTP2-Settings', 'Upgrade', 'h2c', 'HTTP2-Settings', 'AAMAAABk'], true],
    [['Upgrade', 'h2c, websocket'], false],
    [['Connection', 'Upgrade'], false],
  ];
  for (const [offer, offersProtocol] of offers)
    t.match(read([...HOST, ...offer], { method: 'GET' }), { forwarded: [], offersProtocol }, offer.join());
  t.end();
});

const many = (count: number): string[] => Array.from({ length: count }, () => ['a', 'b']).flat();

t.test('ceilings', (t) => {
  t.equal(read([...HOST, ...many(99)]).forwarded.length, 198);
  t.throws(() => read([...HOST, ...many(100)]), { code: 'ERR_REQUEST_HEADERS_TOO_LARGE' });
  const name = 'a'.repeat(1_000);
  const rest = 16_384 - HOST.join('').length - name.length;
  t.doesNotThrow(() => read([...HOST, name, 'b'.repeat(rest)]), 'names and values, to the last byte');
  t.throws(() => read([...HOST, name, 'b'.repeat(rest + 1)]), { code: 'ERR_REQUEST_HEADERS_TOO_LARGE' });
  t.equal(read([...HOST, 'Content-Length', '1048576']).contentLength, 1_048_576);
  t.doesNotThrow(() => refuseLargeContent({ contentLength: 1_048_576 }, DEFAULT_LIMITS));
  t.throws(() => refuseLargeContent({ contentLength: 1_048_577 }, DEFAULT_LIMITS), {
    code: 'ERR_REQUEST_BODY_TOO_LARGE',
  });
  t.end();
});

t.test(
  'responses: policies for the customer’s name and hop-by-hop fields are dropped, cookies never joined',
  (t) => {
    t.same(
      responseFields([
        'Set-Cookie',
        'a',
        'Strict-Transport-Security',
        'max-age=1',
        'set-cookie',
        'b',
        'Alt-Svc',
        'h3',
        'Via',
        'x',
        'Public-Key-Pins',
        'x',
        'Public-Key-Pins-Report-Only',
        'x',
        'Transfer-Encoding',
        'chunked',
        'Keep-Alive',
        '1',
        'Connection',
        'x-hop',
        'X-Hop',
        '1',
        'Upgrade',
        'h2',
        'Content-Length',
        '5',
        'Vary',
        '*',
        'Location',
        'l',
      ]),
      ['Set-Cookie', 'a', 'set-cookie', 'b', 'Via', 'x', 'Content-Length', '5', 'Vary', '*', 'Location', 'l'],
    );
    t.same(
      trailerFields([
        'X-Sum',
        '1',
        'Content-Length',
        '5',
        'Host',
        'x',
        'Set-Cookie',
        'x',
        'Transfer-Encoding',
        'x',
      ]),
      ['X-Sum', '1'],
    );
    t.end();
  },
);

const HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'upgrade',
  'transfer-encoding',
  'http2-settings',
]);
const name = fc.oneof(
  fc.constantFrom(
    ...HOP,
    'Proxy-Authorization',
    'Accept',
    'cookie',
    'X-Forwarded-For',
    'x_real_ip',
    'Content-Type',
  ),
  fc.stringMatching(/^[A-Za-z0-9_.-]{1,8}$/),
);
const value = fc.oneof(
  fc.constantFrom('close', 'chunked', 'h2c', 'a, b'),
  fc.stringMatching(/^[!-~][ -~]{0,8}$/),
);

t.test('for any list: nothing hop-by-hop passes, the rest keeps its order', (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 30 }), (lines) => {
        const list = lines.flat();
        const dropped = new Set(
          lines
            .filter(([n]) => n.toLowerCase() === 'connection')
            .flatMap(([, v]) =>
              v
                .toLowerCase()
                .split(',')
                .map((s) => s.trim()),
            ),
        );
        let got: string[];
        try {
          got = read([...HOST, ...list]).forwarded;
        } catch {
          return;
        }
        let from = 0;
        for (let i = 0; i < got.length; i += 2) {
          const lower = (got[i] ?? '').toLowerCase();
          if (lower === 'content-length') continue;
          if (HOP.has(lower) || lower.startsWith('x-forwarded-') || dropped.has(lower))
            throw new Error(lower);
          const at = lines.findIndex(([n, v], index) => index >= from && n === got[i] && v === got[i + 1]);
          if (at === -1) throw new Error(`${lower} out of order`);
          from = at + 1;
        }
        // and nothing else is lost
        const passing = lines.filter(
          ([n]) => /^(accept|cookie|content-type)$/i.test(n) && !dropped.has(n.toLowerCase()),
        );
        const kept = got.filter((n, i) => i % 2 === 0 && /^(accept|cookie|content-type)$/i.test(n));
        if (passing.length !== kept.length) throw new Error('a field was lost');
      }),
      { numRuns: 2_000 },
    ),
  );
  t.end();
});

t.test('for any response: nothing hop-by-hop passes, the rest keeps its order', (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 30 }), (lines) => {
        const got = responseFields(lines.flat());
        let from = 0;
        for (let i = 0; i < got.length; i += 2) {
          if (HOP.has((got[i] ?? '').toLowerCase())) throw new Error(got[i]);
          const at = lines.findIndex(([n, v], index) => index >= from && n === got[i] && v === got[i + 1]);
          if (at === -1) throw new Error('out of order');
          from = at + 1;
        }
      }),
      { numRuns: 1_000 },
    ),
  );
  t.end();
});
