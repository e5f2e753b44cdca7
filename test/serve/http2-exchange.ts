import t from 'tap';
import { ask, serve } from '../helpers/serve.ts';
import { onRequestHead, scriptedTracker, tracker } from '../helpers/tracker.ts';

t.test(
  'cookies are never joined, fields keep their bytes, nothing of the connection comes along',
  async (t) => {
    const upstream = await scriptedTracker(t, (socket) =>
      onRequestHead(socket, () =>
        socket.write(
          'HTTP/1.1 302 Found\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nLocation: /x%3D\r\nConnection: keep-alive, x-hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nStrict-Transport-Security: max-age=1\r\nVary: a\r\nVary: b\r\nContent-Type: a\r\nContent-Type: a\r\nContent-Length: 2\r\n\r\nok',
        ),
      ),
    );
    const gate = await serve(t, { tracker: upstream });
    const { headers, status, body, code } = await ask(await gate.h2(), {});
    t.equal(status, 302);
    t.equal(body.toString(), 'ok');
    t.equal(code, 0);
    t.same(headers['set-cookie'], ['a=1', 'b=2']);
    t.match(headers, { location: '/x%3D', vary: 'a, b', 'content-type': 'a', 'content-length': '2' });
    for (const name of ['connection', 'keep-alive', 'x-hop', 'strict-transport-security', 'server', 'via'])
      t.notHas(headers, { [name]: '' }, name);
  },
);

t.test('Host beside :authority is taken for it when they agree', async (t) => {
  const seen = await tracker(t);
  const gate = await serve(t, { tracker: seen });
  t.match(await ask(await gate.h2(), { host: 'LINKS.example.com' }), { status: 302 });
  t.same(seen.requests[0]?.field('host'), ['links.example.com']);
});
