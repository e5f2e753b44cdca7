import t from 'tap';
import { serve } from '../helpers/serve.ts';
import { tracker } from '../helpers/tracker.ts';

const click = '/e/c/eyJlbWFpbCI6MX0%3D//a/../b?x=1&y=%2F';

t.test('a click over HTTP/1.1 reaches the tracker once, byte for byte', async (t) => {
  const seen = await tracker(t);
  const gate = await serve(t, { tracker: seen });
  const answer = await gate.raw(
    `GET ${click} HTTP/1.1\r\nHost: Links.Example.COM:443\r\nX-Forwarded-For: 6.6.6.6\r\nConnection: close, x-drop\r\nX-Drop: 1\r\nX-Keep: a\r\nX-Keep: b\r\n\r\n`,
  );
  t.match(answer, /^HTTP\/1\.1 302 Found\r\n/);
  t.match(answer, /\r\nLocation: https:\/\/www\.example\.com\/landing\?utm_source=mail&x=%2F\r\n/);
  t.equal(answer.match(/\r\nSet-Cookie: /g)?.length, 2);
  t.equal(seen.requests.length, 1);
  const request = seen.requests[0];
  t.equal(request?.target, click);
  t.equal(request?.servername, 'e.customeriomail.com');
  t.same(request?.field('host'), ['links.example.com']);
  t.same(request?.field('x-forwarded-for'), ['127.0.0.1']);
  t.same(request?.field('x-keep'), ['a', 'b']);
  t.same(request?.field('x-drop'), []);
  const done = await gate.next('request.completed');
  t.match(done, { domain: 'links.example.com', status: 302, complete: true, httpVersion: '1.1' });
});

t.test('a click over HTTP/2', async (t) => {
  const seen = await tracker(t);
  const gate = await serve(t, { tracker: seen });
  const session = await gate.h2();
  const stream = session.request({ ':path': click, cookie: ['a=1', 'b=2'] });
  const headers = await new Promise<Record<string, unknown>>((resolve, reject) => {
    stream.on('response', resolve);
    stream.on('error', reject);
  });
  t.equal(headers[':status'], 302);
  t.equal((headers['set-cookie'] as string[]).length, 2);
  t.equal(seen.requests[0]?.target, click);
  t.same(seen.requests[0]?.field('host'), ['links.example.com']);
  t.same(seen.requests[0]?.field('cookie'), ['a=1; b=2']);
});

t.test('an unknown name ends in an alert', async (t) => {
  const gate = await serve(t, { tracker: await tracker(t) });
  await t.rejects(gate.tls('evil.example.org'), { code: 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE' });
  t.equal((await gate.next('handshake.failed')).reason, 'unknown-name');
});

t.test('port 80 forwards too', async (t) => {
  const seen = await tracker(t);
  const gate = await serve(t, { tracker: seen });
  const answer = await gate.raw(
    'GET /e/o/abc HTTP/1.1\r\nHost: links.example.com\r\nConnection: close\r\n\r\n',
    {
      plain: true,
    },
  );
  t.match(answer, /^HTTP\/1\.1 302 /);
  t.same(seen.requests[0]?.field('x-forwarded-proto'), ['http']);
});
