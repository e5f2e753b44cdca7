import * as fc from 'fast-check';
import { connect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import t from 'tap';
import { parseProxyHeader } from '../../../src/serve/connections/proxy-protocol.ts';
import { gather, serve } from '../../helpers/serve.ts';
import { tracker } from '../../helpers/tracker.ts';
import { pause } from '../../helpers/pause.ts';

const v2 = (command: number, family: number, payload: Buffer): Buffer => {
  const head = Buffer.from('\r\n\r\n\0\r\nQUIT\n\0\0\0\0', 'latin1');
  head.writeUInt8(0x20 | command, 12);
  head.writeUInt8(family, 13);
  head.writeUInt16BE(payload.length, 14);
  return Buffer.concat([head, payload]);
};
const V4 = Buffer.from([203, 0, 113, 9, 10, 0, 0, 1, 1, 2, 1, 187]);
const V6 = Buffer.concat([
  Buffer.from('20010db8000000000000000000000005', 'hex'),
  Buffer.alloc(16),
  Buffer.from([1, 2, 3, 4]),
]);
const REST = Buffer.from('GET /');

const good: [string, Buffer, string | undefined][] = [
  ['v1 TCP4', Buffer.from('PROXY TCP4 203.0.113.9 10.0.0.1 4711 443\r\n'), '203.0.113.9'],
  ['v1 TCP6', Buffer.from('PROXY TCP6 2001:db8::5 ::1 4711 443\r\n'), '2001:db8::5'],
  ['v1 UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n'), undefined],
  ['v1 UNKNOWN with more', Buffer.from('PROXY UNKNOWN ffff::1 x\r\n'), undefined],
  ['v2 TCP4', v2(1, 0x11, V4), '203.0.113.9'],
  ['v2 TCP4 with TLVs', v2(1, 0x11, Buffer.concat([V4, Buffer.from([4, 0, 1, 0])])), '203.0.113.9'],
  ['v2 TCP6', v2(1, 0x21, V6), '2001:db8:0:0:0:0:0:5'],
  ['v2 LOCAL', v2(0, 0, Buffer.alloc(0)), undefined],
  ['v2 LOCAL with addresses, which count for nothing', v2(0, 0x11, V4), undefined],
  ['v2 UNSPEC', v2(1, 0, Buffer.alloc(7)), undefined],
];

t.test('both versions are read, however the bytes are cut', (t) => {
  for (const [what, header, address] of good) {
    const bytes = Buffer.concat([header, REST]);
    for (let i = 0; i < header.length; i += 1)
      t.match(parseProxyHeader(bytes.subarray(0, i)), { state: 'incomplete' }, `${what}, ${i} bytes`);
    t.same(parseProxyHeader(bytes), { state: 'complete', bytes: header.length, address }, what);
  }
  t.end();
});

t.test('bytes that are no PROXY header are invalid', (t) => {
  for (const text of [
    'GET / HTTP/1.1\r\n',
    'PROXY TCP4 203.0.113.9 10.0.0.1 4711\r\n',
    'PROXY TCP4 ::1 ::1 1 1\r\n',
    'proxy TCP4 1.1.1.1 1.1.1.1 1 1\r\n',
    'PROXY TCP6 1.1.1.1 1.1.1.1 1 1\r\n',
    'PROXY TCP4 1.1.1.1 1.1.1.1 1 65536\r\n',
    'PROXY TCP4 1.1.1.1 1.1.1.1 65536 1\r\n',
    'PROXY UDP4 1.1.1.1 1.1.1.1 1 1\r\n',
    'PROXY  TCP4 1.1.1.1 1.1.1.1 1 1\r\n',
    `PROXY TCP4 ${'1'.repeat(120)}`,
    '',
    '\r\n\r\n\0\r\nQUIX',
  ])
    t.match(parseProxyHeader(Buffer.from(text, 'latin1')), { state: 'invalid' }, text);
  for (const bytes of [
    v2(2, 0x11, V4),
    v2(0x11, 0x11, V4), // version 3
    v2(1, 0x11, V4.subarray(1)),
    v2(1, 0x21, V4),
    v2(1, 0x31, V6),
    v2(1, 0x11, Buffer.alloc(2_000)),
  ])
    t.match(parseProxyHeader(bytes), { state: 'invalid' });
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(
        fc.constantFrom(...good),
        fc.array(fc.tuple(fc.nat(60), fc.nat(255))),
        ([, header], changes) => {
          const bytes = Buffer.from(header);
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          const got = parseProxyHeader(bytes);
          if (got.state === 'complete' && got.bytes > bytes.length) throw new Error('reads past its end');
        },
      ),
    ),
  );
  t.end();
});

t.test(
  'a listed proxy gives the client’s address, on both listeners; without a header it is refused',
  async (t) => {
    const seen = await tracker(t);
    const ranges = ['127.0.0.0/8'];
    const worker = await serve(t, {
      tracker: seen,
      proxyProtocol: { https: ranges, http: ranges },
      limits: { headersMs: 1_000 },
    });
    const get =
      'GET / HTTP/1.1\r\nHost: links.example.com\r\nX-Forwarded-For: 6.6.6.6\r\nConnection: close\r\n\r\n';
    for (const [what, header, address] of good) {
      const plain = connect(worker.httpPort, '127.0.0.1');
      const answer = gather(plain);
      plain.write(Buffer.concat([header, Buffer.from(get)]));
      t.match(await answer, /^HTTP\/1\.1 302 /, what);
      t.same(seen.requests.at(-1)?.field('x-forwarded-for'), [address ?? '127.0.0.1']);

      const raw = connect(worker.httpsPort, '127.0.0.1');
      raw.write(header.subarray(0, 7));
      await pause(5);
      raw.write(header.subarray(7));
      const secure = tlsConnect({ socket: raw, servername: 'links.example.com', ca: worker.pki.rootPem });
      const secured = gather(secure);
      secure.write(get);
      t.match(await secured, /^HTTP\/1\.1 302 /, `${what}, TLS`);
      t.same(seen.requests.at(-1)?.field('x-real-ip'), [address ?? '127.0.0.1']);
    }
    const count = seen.requests.length;
    t.equal(await worker.raw(get, { plain: true }), '', 'no header');
    t.equal(await worker.raw('PROXY TCP4 ', { plain: true }), '', 'never a whole one');
    t.equal(await worker.raw('', { plain: true }), '', 'silence');
    t.equal(seen.requests.length, count);
    t.equal(worker.heard('connection.refused').filter(({ reason }) => reason === 'proxy-protocol').length, 3);
  },
);

t.test('the header of a peer that is not listed is a bad request', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen, proxyProtocol: { http: ['192.0.2.1'] } });
  const header = 'PROXY TCP4 203.0.113.9 10.0.0.1 4711 443\r\n';
  t.match(
    await worker.raw(`${header}GET / HTTP/1.1\r\nHost: links.example.com\r\n\r\n`, { plain: true }),
    /^HTTP\/1\.1 400 /,
  );
  t.same(seen.requests, []);
});
