// Strict-Transport-Security: on https answers of a domain that asks for it, on nothing else; the tracker's never.

import t from 'tap';
import { ask, serve } from '../../helpers/serve.ts';
import { redirectAnswer, tracker } from '../../helpers/tracker.ts';

const ASKED = 'links.example.com';
const OTHER = 'clicks.example.net';
const file = '/.well-known/assetlinks.json';
const domains = [
  {
    name: ASKED,
    hstsMaxAgeSeconds: 86_400,
    universalLinks: { android: { file: '/etc/links.json', text: '[]' } },
  },
  { name: OTHER },
];
/** every Strict-Transport-Security of an answer */
const policies = (answer: string): string[] =>
  [...(answer.split('\r\n\r\n')[0] ?? '').matchAll(/^strict-transport-security: *(.*)$/gim)].map(
    ([, value]) => value?.trim() ?? '',
  );
const request = (path: string, host: string, method = 'GET', more = ''): string =>
  `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${more}\r\n`;
/** larger than what is taken, and told so by nothing in its head: the domain is known when it is refused */
const LARGE = 'x'.repeat(1_100_000);
const CHUNKED = `Transfer-Encoding: chunked\r\n\r\n${LARGE.length.toString(16)}\r\n${LARGE}\r\n0\r\n`;
const CASES: [string, number, string, string?][] = [
  ['/e/c/x', 302, 'GET'],
  ['/e/c/x', 302, 'HEAD'],
  [file, 200, 'GET'],
  ['/dies', 502, 'GET'],
  ['/large', 413, 'POST', CHUNKED],
  ['/large', 413, 'POST', `Content-Length: ${LARGE.length}\r\n`],
];

t.test('every https response of the domain has it once, without includeSubDomains', async (t) => {
  const seen = await tracker(t, {
    answer: (incoming, response, got) => {
      if (got.target === '/dies') incoming.socket.destroy();
      else {
        response.setHeader('Strict-Transport-Security', 'max-age=31536000; includeSubDomains; preload');
        if (got.target === '/plain') response.end('ok');
        else redirectAnswer(incoming, response, got);
      }
    },
  });
  const worker = await serve(t, { tracker: seen, domains });
  for (const [host, expected] of [
    [ASKED, ['max-age=86400']],
    [OTHER, []],
  ] as const) {
    for (const [path, status, method, more] of CASES) {
      const what = `${method} ${path} of ${host}`;
      const wanted = path === file && host === OTHER ? 302 : status;
      const answer = await worker.raw(request(path, host, method, more), { servername: host });
      t.match(answer, new RegExp(`^HTTP/1\\.1 ${wanted} `), what);
      t.same(policies(answer), expected, what);
      t.same(
        policies(await worker.raw(request(path, host, method, more), { plain: true })),
        [],
        `${what}, port 80`,
      );
      const content = more === undefined ? undefined : LARGE;
      const got = await ask(await worker.h2(host), { ':method': method, ':path': path }, content);
      t.equal(got.status, wanted, `${what}, h2`);
      t.equal(got.headers['strict-transport-security'], expected[0], `${what}, h2`);
    }
    t.same(policies(await worker.raw(request('/plain', host), { servername: host })), expected);
  }
});

t.test('a request for another name than the connection’s gets no policy', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t), domains });
  const answer = await worker.raw(request('/', OTHER), { servername: ASKED });
  t.match(answer, /^HTTP\/1\.1 421 /);
  t.same(policies(answer), []);
});

t.test('max-age=0 withdraws it', async (t) => {
  const worker = await serve(t, {
    tracker: await tracker(t),
    domains: [{ name: ASKED, hstsMaxAgeSeconds: 0 }],
  });
  t.same(policies(await worker.raw(request('/', ASKED))), ['max-age=0']);
});
