// HTTP/1 against bytes of every kind: a property over generated and mutated requests.

import { connect } from 'node:net';
import * as fc from 'fast-check';
import t from 'tap';
import { gather, serve } from '../../../helpers/serve.ts';
import { tracker } from '../../../helpers/tracker.ts';

const HOST = 'Host: links.example.com\r\n';

t.test('for any bytes: the tracker gets nothing, or exactly the intended requests', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, {
    tracker: seen,
    limits: { headersMs: 150, requestMs: 150, keepAliveMs: 150 },
  });
  const whole = fc.constantFrom(
    `GET /a HTTP/1.1\r\n${HOST}\r\n`,
    `GET /a HTTP/1.1\r\n${HOST}X: y\r\n\r\n`,
    `POST /a HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`,
    `POST /a HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  );
  const piece = fc.constantFrom(
    'GET ',
    'POST ',
    'DELETE ',
    '/a',
    ' HTTP/1.1\r\n',
    ' HTTP/1.0\r\n',
    HOST,
    'Host: x\r\n',
    '\r\n',
    '\n',
    '\r',
    'Content-Length: 5\r\n',
    'Content-Length: 0\r\n',
    'Transfer-Encoding: chunked\r\n',
    'hello',
    '5\r\nhello\r\n',
    '0\r\n\r\n',
    ' ',
    '\0',
    ':',
    'Connection: close\r\n',
    'Transfer-Encoding: x\r\n',
    '\t',
    'X: y\r\n',
  );
  const mutated = fc
    .tuple(whole, fc.nat(120), fc.nat(3), piece)
    .map(([text, at, gone, put]) => text.slice(0, at) + put + text.slice(at + gone));
  const stream = fc
    .array(fc.oneof(whole, mutated, { arbitrary: mutated, weight: 2 }, piece), { minLength: 1, maxLength: 4 })
    .map((parts) => parts.join(''));
  let good = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(stream, { minLength: 20, maxLength: 20 }), async (streams) => {
      const count = seen.requests.length;
      const answers = await Promise.all(
        streams.map((text) => {
          const socket = connect(worker.httpPort, '127.0.0.1');
          const answer = gather(socket);
          socket.write(Buffer.from(text, 'latin1'));
          return answer;
        }),
      );
      const answered = answers.join('').match(/HTTP\/1\.1 302/g)?.length ?? 0;
      const got = seen.requests.slice(count);
      good += got.length;
      if (got.length !== answered) throw new Error(`${got.length} requests, ${answered} answers`);
      for (const { field, target, method, body } of got) {
        // mutated content is content all the same, where the five bytes were announced
        const meant = method === 'POST' ? [0, 5, 10] : [0];
        if (
          field('host').join() !== 'links.example.com' ||
          !target.startsWith('/') ||
          !meant.includes(body.length)
        )
          throw new Error(`${method} ${target} ${body.toString()}`);
      }
    }),
    { numRuns: 12, endOnFailure: true },
  );
  t.ok(good > 100, `${good} good ones among them`);
});
