import t from 'tap';
import { ask, serve } from '../../helpers/serve.ts';
import { tracker } from '../../helpers/tracker.ts';

t.test('the event of a click has the facts of an access log, and no whole address', async (t) => {
  const worker = await serve(t, {
    tracker: await tracker(t, { answer: (_q, response) => response.end('hello') }),
  });
  await ask(await worker.h2(), { ':path': '/e/c/x' });
  const event = await worker.next('request.completed');
  t.match(event, {
    domain: 'links.example.com',
    listener: 'https',
    httpVersion: '2',
    method: 'GET',
    status: 200,
    bytes: 5,
    complete: true,
    network: '127.0.0.0/24',
    tls: { version: 'TLSv1.3', resumed: false },
  });
  t.match(event.id, /^[0-9a-f]{16}$/);
  t.ok(event.durationMs > 0 && (event.upstreamMs ?? -1) > 0 && (event.upstreamMs ?? 0) <= event.durationMs);
  t.notOk(JSON.stringify(event).includes('127.0.0.1'));
  t.notHas(event, { errorCode: '' });
});

t.test('port 80 has no TLS; ids differ', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t) });
  const get = 'GET / HTTP/1.1\r\nHost: links.example.com\r\nConnection: close\r\n\r\n';
  await worker.raw(get, { plain: true });
  await worker.raw(get);
  const [first, second] = worker.heard('request.completed');
  t.equal(first?.tls, undefined);
  t.not(first?.id, second?.id);
});
