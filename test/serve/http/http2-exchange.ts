import t from 'tap';
import { ask, serve } from '../../helpers/serve.ts';
import { onRequestHead, scriptedTracker, tracker } from '../../helpers/tracker.ts';

t.test('cookies are never joined, fields keep their bytes, no field of the connection passes', async (t) => {
  const upstream = await scriptedTracker(t, (socket) =>
    onRequestHead(socket, () =>
      socket.write(
        'HTTP/1.1 302 Found\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nLocation: /x%3D\r\nConnection: keep-alive, x-hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nStrict-Transport-Security: max-age=1\r\nVary: a\r\nVary: b\r\nContent-Type: a\r\nContent-Type: a\r\nContent-Length: 2\r\n\r\nok',
      ),
    ),
  );
  const worker = await serve(t, { tracker: upstream });
  const { headers, status, body, code } = await ask(await worker.h2(), {});
  t.equal(status, 302);
  t.equal(body.toString(), 'ok');
  t.equal(code, 0);
  t.same(headers['set-cookie'], ['a=1', 'b=2']);
  t.match(headers, { location: '/x%3D', vary: 'a, b', 'content-type': 'a', 'content-length': '2' });
  for (const name of ['connection', 'keep-alive', 'x-hop', 'strict-transport-security', 'server', 'via'])
    t.notHas(headers, { [name]: '' }, name);
});

t.test('Host next to :authority is accepted when they agree', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen });
  t.match(await ask(await worker.h2(), { host: 'LINKS.example.com' }), { status: 302 });
  t.same(seen.requests[0]?.field('host'), ['links.example.com']);
});

t.test('trailers and heads that HTTP/2 cannot carry are no crash', async (t) => {
  const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: etag, x-a\r\n';
  let script = '';
  const upstream = await scriptedTracker(t, (socket) => onRequestHead(socket, () => socket.write(script)));
  const worker = await serve(t, { tracker: upstream });
  const session = await worker.h2();

  script = `${chunked}\r\n2\r\nok\r\n0\r\nx-a: 1\r\nx-a: 2\r\n\r\n`;
  t.match(await ask(session, {}), { status: 200, code: 0, trailers: { 'x-a': '1, 2' } });
  script = `${chunked}\r\n2\r\nok\r\n0\r\netag: "1"\r\netag: "2"\r\nx-a: 1\r\n\r\n`;
  const answer = await ask(session, {});
  t.match(answer, { status: 200, code: 0, trailers: { etag: '"1"', 'x-a': '1' } });
  t.same(answer.body.toString(), 'ok');
  script = `${chunked}etag: "1"\r\netag: "2"\r\n\r\n2\r\nok\r\n0\r\nx-a: 1\r\n\r\n`;
  t.match(await ask(session, {}), { status: 200, code: 0, headers: { etag: '"1"' } }, 'in a head');
  script = 'HTTP/1.1 103 Early Hints\r\netag: "1"\r\netag: "2"\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n';
  t.match(await ask(session, {}), { status: 204, code: 0 }, 'in an interim answer');
});

t.test(
  'no response of the tracker becomes an error of ours because of repeated fields or an odd status',
  async (t) => {
    let script = '';
    const upstream = await scriptedTracker(t, (socket) => onRequestHead(socket, () => socket.write(script)));
    const worker = await serve(t, { tracker: upstream });
    const session = await worker.h2();
    const date = (second: number): string => `Mon, 01 Jan 2024 00:00:0${second} GMT`;

    script = `HTTP/1.1 302 Found\r\nDate: ${date(0)}\r\nDate: ${date(1)}\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n`;
    t.match(await ask(session, {}), { status: 302, headers: { date: date(0), location: '/y' } });
    script =
      'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 2\r\n\r\nok';
    t.match(await ask(session, {}), { status: 200, headers: { 'content-type': 'text/html' } });
    const singles = [
      'Age',
      'Expires',
      'Location',
      'ETag',
      'Last-Modified',
      'Retry-After',
      'Content-Location',
    ];
    const others = [
      'Access-Control-Allow-Credentials',
      'X-Content-Type-Options',
      'User-Agent',
      'Host',
      'Cookie',
    ];
    for (const name of [
      ...singles,
      ...others,
      'Access-Control-Max-Age',
      'Content-MD5',
      'Tk',
      'From',
      'DNT',
    ]) {
      script = `HTTP/1.1 302 Found\r\n${name}: 1\r\nX-A: b\r\n${name.toLowerCase()}: 2\r\n${name}: 3\r\nContent-Length: 2\r\n\r\nok`;
      const response = await ask(session, {});
      t.match(response, { status: 302, code: 0, headers: { 'x-a': 'b', [name.toLowerCase()]: '1' } }, name);
      t.equal(response.body.toString(), 'ok');
    }
    for (const name of ['Content-Encoding', 'Content-Language']) {
      script = `HTTP/1.1 200 OK\r\n${name}: a\r\n${name}: b\r\nContent-Length: 2\r\n\r\nok`;
      t.match(await ask(session, {}), { status: 200, headers: { [name.toLowerCase()]: 'a, b' } }, name);
    }
    for (const status of [600, 799, 999]) {
      script = `HTTP/1.1 ${status} X\r\nX-A: b\r\nContent-Length: 2\r\n\r\nok`;
      const response = await ask(session, {});
      t.match(
        response,
        { status: 400, code: 0, headers: { 'x-a': 'b' } },
        `${status}: HTTP/2 of Node has no such status`,
      );
      t.equal(response.body.toString(), 'ok');
      t.match(
        await worker.raw('GET / HTTP/1.1\r\nHost: links.example.com\r\nConnection: close\r\n\r\n'),
        new RegExp(`^HTTP/1\\.1 ${status} `),
      );
    }
  },
);
