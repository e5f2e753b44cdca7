// What every exchange ends with: one answer, one event, whichever way it went.

import t from 'tap';
import { ask, serve } from '../../helpers/serve.ts';
import { redirectAnswer, tracker } from '../../helpers/tracker.ts';

const get = (path: string, host = 'links.example.com', more = ''): string =>
  `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${more}\r\n`;

t.test('each request ends in exactly one event', async (t) => {
  const seen = await tracker(t, {
    answer: (request, response, got) =>
      got.target === '/dies' ? request.socket.destroy() : redirectAnswer(request, response, got),
  });
  const worker = await serve(t, { tracker: seen });
  const session = await worker.h2();
  const requests = [
    () => worker.raw(get('/')),
    () => worker.raw(get('/', undefined, 'Expect: 200-maybe\r\n')),
    () => worker.raw(get('/', 'evil.example.org')),
    () => worker.raw(get('/dies')),
    () => worker.raw('junk\r\n\r\n'),
    () => worker.raw(get('/'), { plain: true }),
    () => ask(session, { ':path': '/dies' }),
    () => ask(session, { ':path': '/' }),
    () => ask(session, { ':authority': 'clicks.example.net' }),
  ];
  for (const [i, request] of requests.entries()) {
    await request();
    const events = (): number =>
      worker.heard('request.completed').length + worker.heard('request.refused').length;
    while (events() <= i) await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    t.equal(events(), i + 1);
  }
  t.same(
    worker.heard('request.completed').map(({ status }) => status),
    [302, 502, 302, 502, 302],
  );
  t.same(
    worker.heard('request.refused').map(({ status }) => status),
    [400, 421, 400, 421],
  );
});

t.test('a missing upstream is a bug and a 500, not a crash', async (t) => {
  const worker = await serve(t, {
    tracker: await tracker(t),
    domains: [{ name: 'links.example.com', upstream: 'eu' }],
  });
  t.match(await worker.raw('GET / HTTP/1.1\r\nHost: links.example.com\r\n\r\n'), /^HTTP\/1\.1 500 /);
  t.match(worker.heard('request.refused'), [{ code: 'ERR_INTERNAL' }]);
});
