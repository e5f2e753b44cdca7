// HTTP/1 from the wire: each framing rule over TLS and over plain TCP, the connection's life, the clocks.

import { once } from 'node:events';
import { connect } from 'node:net';
import t from 'tap';
import { INNER, RULES } from '../../helpers/rules.ts';
import { gather, serve } from '../../helpers/serve.ts';
import { redirectAnswer, tracker } from '../../helpers/tracker.ts';

const HOST = 'Host: links.example.com\r\n';

t.test(
  'each rule: refused with its status, the connection closes, nothing reaches the tracker',
  async (t) => {
    const seen = await tracker(t);
    const worker = await serve(t, { tracker: seen });
    for (const { id, what, bytes, status } of RULES) {
      for (const plain of [false, true]) {
        const answer = await worker.raw(Buffer.from(bytes, 'latin1'), { plain });
        const where = `${id}: ${what}${plain ? ', port 80' : ''}`;
        t.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), where);
        t.match(answer, /\r\nconnection: close\r\n/i, `${where}: says so`);
        t.equal(answer.match(/HTTP\/1\.1 \d/g)?.length, 1, `${where}: one answer`);
      }
    }
    // a chunked request may have started towards the tracker before its framing broke: it never arrives as a request
    t.same(
      seen.requests.map(({ target }) => target),
      [],
    );
  },
);

t.test('a target with a byte above 0x7f is refused', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen });
  for (const target of [
    '/\x80',
    '/caf\xe9',
    '/caf\xc3\xa9',
    '/?x=\xff',
    '/a\xa0HTTP/1.1',
    'http://links.example.com/\xe9',
  ])
    for (const plain of [false, true]) {
      const bytes = `GET ${target} HTTP/1.1\r\n${HOST}\r\nGET /behind HTTP/1.1\r\n${HOST}\r\n`;
      const answer = await worker.raw(Buffer.from(bytes, 'latin1'), { plain });
      t.match(answer, /^HTTP\/1\.1 400 /, JSON.stringify(target));
      t.equal(answer.match(/HTTP\/1\.1 \d/g)?.length, 1);
    }
  t.same(seen.requests, []);
});

t.test('a keep-alive client whose content nobody reads gets its refusal, not a reset', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t) });
  for (const plain of [false, true]) {
    for (let i = 0; i < 5; i += 1) {
      const head = `POST / HTTP/1.1\r\n${HOST}Content-Length: 2000000\r\n\r\n`;
      const answer = await worker.raw(head + 'x'.repeat(500_000), { plain });
      t.match(answer, /^HTTP\/1\.1 413 [^]*\r\n\r\n413 /);
    }
  }
});

t.test('chunked content is cut at the limit', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen });
  const block = `10000\r\n${'x'.repeat(65_536)}\r\n`;
  const head = `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n`;
  t.match(await worker.raw(`${head}${block.repeat(16)}0\r\n\r\n`), /^HTTP\/1\.1 302 /, 'exactly 1 MiB');
  t.equal(seen.requests[0]?.body.length, 1024 ** 2);
  t.match(
    await worker.raw(`${head}${block.repeat(16)}1\r\nx\r\n0\r\n\r\n`),
    /^HTTP\/1\.1 413 /,
    'a byte more',
  );
  t.equal(seen.requests.length, 1);
});

t.test('pipelined requests are handled in order, one at a time', async (t) => {
  let active = 0;
  let most = 0;
  const seen = await tracker(t, {
    answer: (request, response) => {
      active += 1;
      most = Math.max(most, active);
      setTimeout(() => {
        active -= 1;
        response.end(`<${request.url}>`);
      }, 20);
    },
  });
  const worker = await serve(t, { tracker: seen });
  const text = ['/1', '/2', '/3', '/4'].map((path) => `GET ${path} HTTP/1.1\r\n${HOST}\r\n`).join('');
  const answer = await worker.raw(text, { until: /<\/4>/ });
  t.same(answer.match(/<\/\d>/g), ['</1>', '</2>', '</3>', '</4>']);
  t.equal(most, 1);
});

t.test('requests after one that closes the connection are ignored', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen });
  const answer = await worker.raw(`GET /1 HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n${INNER}`);
  t.equal(answer.match(/HTTP\/1\.1 302/g)?.length, 1);
  t.same(
    seen.requests.map(({ target }) => target),
    ['/1'],
  );
});

t.test('a request after the response to a refused one is ignored', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen });
  const socket = connect({ port: worker.httpPort, host: '127.0.0.1', allowHalfOpen: true });
  t.teardown(() => socket.destroy());
  socket.on('error', () => undefined);
  socket.write(`GET / HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\nx`);
  // the answer is whole and our side is closed: a client may still write
  socket.resume();
  await once(socket, 'end');
  socket.write(`GET /behind HTTP/1.1\r\n${HOST}\r\n`);
  await worker.raw(`GET /after HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`, { plain: true });
  t.same(
    seen.requests.map(({ target }) => target),
    ['/after'],
  );
});

t.test('junk after a good request does not cost its response', async (t) => {
  const seen = await tracker(t, {
    answer: (...args) => setTimeout(() => redirectAnswer(...args), 50),
  });
  const worker = await serve(t, { tracker: seen });
  const answer = await worker.raw(`GET /1 HTTP/1.1\r\n${HOST}\r\nGARBAGE\r\n\r\n`);
  t.match(answer, /^HTTP\/1\.1 302 Found\r\n[^]*\r\nConnection: close\r\n/);
  t.equal(answer.match(/HTTP\/1\.1/g)?.length, 1);
  t.match(worker.heard('request.refused'), [{ code: 'ERR_REQUEST_MALFORMED' }]);
});

t.test('Expect: 100-continue gets its 100 before the content, and none for a refused request', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen });
  const head = `POST / HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nConnection: close\r\n`;
  const socket = await worker.tls('links.example.com');
  const answer = gather(socket);
  socket.once('data', () => socket.write('hello'));
  socket.write(`${head}Content-Length: 5\r\n\r\n`);
  t.match(await answer, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 302 Found\r\n/);
  t.equal(seen.requests[0]?.body.toString(), 'hello');
  t.same(seen.requests[0]?.field('expect'), []);
  t.match(await worker.raw(`${head}Content-Length: 9999999\r\n\r\n`), /^HTTP\/1\.1 413 /);
});

t.test('the clocks: slow heads, slow contents, idle connections', async (t) => {
  const seen = await tracker(t);
  const limits = { headersMs: 200, requestMs: 400, keepAliveMs: 300 };
  const worker = await serve(t, { tracker: seen, limits });
  for (const plain of [false, true]) {
    t.match(await worker.raw('GET / HT', { plain }), /^HTTP\/1\.1 408 /, 'head');
    t.match(await worker.raw('', { plain }), /^(HTTP\/1\.1 408 [^]*)?$/, 'silence');
    const body = await worker.raw(`POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhe`, { plain });
    t.match(body, /^HTTP\/1\.1 408 [^]*408 Request Timeout\n/, 'content');
    const before = performance.now();
    t.match(
      await worker.raw(`GET / HTTP/1.1\r\n${HOST}\r\n`, { plain }),
      /^HTTP\/1\.1 302 /,
      'idle behind an answer',
    );
    t.ok(performance.now() - before < 40_000, 'by default it would stay for 65 seconds');
  }
  t.equal(seen.requests.length, 2);
});

t.test('requests per connection', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t), limits: { requestsPerConnection: 3 } });
  const answer = await worker.raw(`GET / HTTP/1.1\r\n${HOST}\r\n`.repeat(5));
  t.equal(answer.match(/HTTP\/1\.1 302/g)?.length, 3);
  t.match(answer, /\r\nConnection: close\r\n/);
});

t.test('HTTP/1.0: keep-alive only on request, Host required on port 80', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t) });
  t.match(await worker.raw(`GET / HTTP/1.0\r\n${HOST}\r\n`), /^HTTP\/1\.1 302 /);
  t.match(await worker.raw('GET / HTTP/1.0\r\n\r\n', { plain: true }), /^HTTP\/1\.1 400 /);
});
