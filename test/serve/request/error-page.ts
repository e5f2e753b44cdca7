import t from 'tap';
import { ask, serve } from '../../helpers/serve.ts';
import { tracker } from '../../helpers/tracker.ts';
import { until } from '../../helpers/until.ts';

t.test(
  'HTML for clients that accept it, text for others, never cached, nothing of the request in it',
  async (t) => {
    const seen = await tracker(t);
    const worker = await serve(t, { tracker: { ...seen, url: 'https://127.0.0.1:1' } });
    const get = (more: string, method = 'GET'): Promise<string> =>
      worker.raw(
        `${method} /secret-path HTTP/1.1\r\nHost: links.example.com\r\nConnection: close\r\n${more}\r\n`,
      );
    const html = await get('Accept: text/html,*/*\r\n');
    t.match(html, /^HTTP\/1\.1 502 Bad Gateway\r\nContent-Type: text\/html; charset=utf-8\r\n/);
    t.match(html, /\r\nCache-Control: no-store\r\n/);
    const { id, errorCode } = await worker.next('request.completed');
    t.equal(errorCode, 'ERR_UPSTREAM_UNREACHABLE');
    t.match(html, `<small>${id}</small>`);
    const text = await get('');
    t.match(text, /\r\nContent-Type: text\/plain; charset=utf-8\r\n[^]*\r\n\r\n502 Bad Gateway\n/);
    for (const page of [html, text]) t.notMatch(page, /secret-path|links\.example\.com|127\.0\.0\.1|ECONN/);
    t.match(await get('', 'HEAD'), /\r\nContent-Length: \d+\r\n[^]*\r\n\r\n$/);
    const answer = await ask(await worker.h2(), { accept: 'text/html' });
    t.match(answer, { status: 502, headers: { 'content-type': 'text/html; charset=utf-8' } });
  },
);

t.test('503 has a Retry-After, and keeps the connection', async (t) => {
  const seen = await tracker(t, { answer: () => undefined });
  const worker = await serve(t, {
    tracker: seen,
    upstreamUse: { maxConnections: 1 },
    limits: { upstreamQueue: 0 },
  });
  const first = await worker.tls('links.example.com');
  first.write('GET / HTTP/1.1\r\nHost: links.example.com\r\n\r\n');
  await until('the first is under way', () => seen.requests.length > 0);
  const answer = await worker.raw('GET / HTTP/1.1\r\nHost: links.example.com\r\n\r\n', {
    until: /\n[0-9a-f]{16,}\n/,
  });
  t.match(answer, /^HTTP\/1\.1 503 Service Unavailable\r\n[^]*\r\nRetry-After: 1\r\n/);
  t.match(answer, /\r\nConnection: keep-alive\r\n/);
  t.match(await worker.next('upstream.failed'), { code: 'ERR_UPSTREAM_BUSY' });
});
