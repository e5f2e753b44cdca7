// Mutated HTTP/1, HTTP/2 and PROXY protocol bytes at a running worker, for as long as FUZZ_SECONDS says: 5 among the other
// tests, 600 by `npm run fuzz`.
// It ends red on a crash, on a request the tracker saw and no client was answered for, or on a descriptor that stays.

import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import * as fc from 'fast-check';
import t from 'tap';
import { INNER, RULES } from '../../helpers/rules.ts';
import { gather, serve } from '../../helpers/serve.ts';
import { tracker } from '../../helpers/tracker.ts';
import { until } from '../../helpers/until.ts';

const SECONDS = Number(process.env['FUZZ_SECONDS'] ?? 5);
const descriptors = (): number => readdirSync('/proc/self/fd').length;

const HOST = 'Host: links.example.com\r\n';
const good = [
  `GET /a HTTP/1.1\r\n${HOST}\r\n`,
  `POST /a HTTP/1.1\r\n${HOST}Content-Length: ${INNER.length}\r\n\r\n${INNER}`,
  `POST /a HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${INNER.length.toString(16)}\r\n${INNER}\r\n0\r\n\r\n`,
];
const seeds = [...good, ...RULES.map(({ bytes }) => bytes)].map((text) => Buffer.from(text, 'latin1'));
const frame = (type: number, flags: number, stream: number, payload: Buffer): Buffer => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
};
const literal = (name: string, value: string): Buffer =>
  Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]);
const block = Buffer.concat([
  literal(':method', 'GET'),
  literal(':scheme', 'https'),
  literal(':authority', 'links.example.com'),
  literal(':path', '/h2'),
]);
const h2 = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  frame(4, 0, 0, Buffer.alloc(0)),
  frame(1, 5, 1, block),
  frame(1, 4, 3, block),
  frame(0, 1, 3, Buffer.from('hello')),
  frame(3, 0, 3, Buffer.from([0, 0, 0, 8])),
  frame(6, 0, 0, Buffer.from('12345678')),
  frame(8, 0, 0, Buffer.from([0, 0, 1, 0])),
]);
const proxyV2 = Buffer.concat([
  Buffer.from('\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c', 'latin1'),
  Buffer.from([203, 0, 113, 9, 10, 0, 0, 1, 1, 2, 1, 187]),
]);
const proxyV1 = Buffer.from('PROXY TCP4 203.0.113.9 10.0.0.1 4711 443\r\n');

const edit = fc.oneof(
  fc.record({ at: fc.nat(), remove: fc.nat(4), insert: fc.uint8Array({ maxLength: 4 }) }),
  fc.record({
    at: fc.nat(),
    remove: fc.nat(2),
    insert: fc
      .constantFrom(
        '\r\n',
        '\n',
        '\r',
        ' ',
        '\t',
        ':',
        'chunked',
        '0\r\n\r\n',
        HOST,
        'Content-Length: 5\r\n',
        INNER,
      )
      .map((text) => new Uint8Array(Buffer.from(text))),
  }),
);
const mutate = (
  seed: Buffer,
  edits: readonly { at: number; remove: number; insert: Uint8Array }[],
): Buffer => {
  let bytes = seed;
  for (const { at, remove, insert } of edits) {
    const place = at % (bytes.length + 1);
    bytes = Buffer.concat([bytes.subarray(0, place), insert, bytes.subarray(place + remove)]);
  }
  return bytes;
};
const edits = fc.array(edit, { maxLength: 4 });

const plain = (port: number): Promise<Socket> => Promise.resolve(connect(port, '127.0.0.1'));

t.test(`${SECONDS} s of mutated bytes`, async (t) => {
  const seen = await tracker(t);
  const limits = { headersMs: 100, requestMs: 100, keepAliveMs: 100 };
  // here every handshake is a good one: none may fail. (With a limit of a second some did, with ECONNRESET, whenever this
  // process, which is client and worker, stood still for that long.)
  const worker = await serve(t, { tracker: seen, limits });
  const bytes = await serve(t, { tracker: seen, limits: { ...limits, tlsHandshakeMs: 200 } });
  const proxied = await serve(t, {
    tracker: seen,
    limits,
    proxyProtocol: { http: ['127.0.0.1'], https: ['127.0.0.1'] },
  });
  const targets: [string, readonly Buffer[], () => Promise<Socket>][] = [
    ['HTTP/1, port 80', seeds, () => plain(worker.httpPort)],
    ['HTTP/1, TLS', seeds, () => worker.tls('links.example.com')],
    ['HTTP/2', [h2], () => worker.tls('links.example.com', { ALPNProtocols: ['h2'] })],
    ['TLS bytes', [h2, ...seeds.slice(0, 3)], () => plain(bytes.httpsPort)],
    [
      'PROXY',
      [proxyV1, proxyV2].map((header) => Buffer.concat([header, seeds[0] ?? header])),
      () => plain(proxied.httpPort),
    ],
  ];
  await worker.raw(`${good[0] ?? ''}`, { until: /\r\n\r\n/ });
  const before = descriptors();
  const end = Date.now() + SECONDS * 1_000;
  let streams = 0;
  let orphans = 0;
  let unopened = 0;
  while (Date.now() < end) {
    for (const [what, list, open] of targets) {
      const count = seen.requests.length;
      const batch = fc.sample(fc.tuple(fc.constantFrom(...list), edits), 25);
      const answers = await Promise.all(
        batch.map(async ([seed, changes]) => {
          const socket = await open().catch((error: unknown) => {
            t.comment(`${what}: ${String(error)}`);
          });
          if (socket === undefined) {
            unopened += 1;
            return '';
          }
          const answer = gather(socket);
          socket.write(mutate(seed, changes));
          return answer;
        }),
      );
      streams += batch.length;
      const got = seen.requests.slice(count);
      if (what !== 'HTTP/2') {
        const answered = answers.join('').match(/HTTP\/1\.1 302/g)?.length ?? 0;
        if (got.length !== answered) {
          orphans += 1;
          t.comment(
            `${what}: ${got.length} requests, ${answered} answers: ${JSON.stringify(fc.stringify(batch))}`,
          );
        }
      } else if (got.length > batch.length * 2) orphans += 1;
      for (const { field } of got)
        if (field('host').join() !== 'links.example.com')
          t.fail(`Host ${field('host').join()} reached the tracker`);
    }
  }
  t.equal(orphans, 0, 'every request the tracker saw was one a client was answered for');
  t.equal(unopened, 0, 'every connection could be opened');
  t.same(worker.heard('handshake.failed'), [], 'no good handshake failed');
  for (const each of [worker, bytes, proxied])
    t.same(
      each.heard('connection.refused').filter(({ reason }) => reason === 'total' || reason === 'address'),
      [],
      'none was over a ceiling',
    );
  await until('no connection stays', () =>
    [worker, bytes, proxied].every(({ listeners }) => listeners.connections() === 0),
  );
  // kept connections to the tracker may have come and gone
  t.ok(descriptors() <= before + 16, `${descriptors()} descriptors, ${before} before`);
  t.match(await worker.raw(good[0] ?? '', { until: /\r\n\r\n/ }), /^HTTP\/1\.1 302 /, 'and it serves');
  t.comment(`${streams} mutated streams, ${seen.requests.length} good requests among them`);
});
