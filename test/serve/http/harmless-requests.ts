// Requests that are odd and harmless, as real clients send them: the click is served, and what belongs to the hop stays here.

import t from 'tap';
import { ask, serve } from '../../helpers/serve.ts';
import { tracker } from '../../helpers/tracker.ts';

const NAME = 'links.acme.test';
const HOST = `Host: ${NAME}\r\n`;
const CLOSE = 'Connection: close\r\n';
const domains = [{ name: NAME }];
const get = (lines: string): string => `GET /e/c/abc HTTP/1.1\r\n${lines}\r\n`;

t.test('an offer of another protocol is ignored, and does not go on', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen, domains });
  for (const lines of [
    // Apache HttpClient 5.4 with every request
    'Connection: Upgrade\r\nUpgrade: TLS/1.2\r\nUser-Agent: Apache-HttpClient/5.4 (Java/17)\r\n',
    'Upgrade: h2,h2c\r\n',
    'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n',
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n',
    'Connection: upgrade\r\nUpgrade: IRC/6.9, RTA/x11\r\n',
    'Upgrade:\r\n',
  ]) {
    for (const plain of [false, true]) {
      const before = seen.requests.length;
      const response = await worker.raw(get(`${HOST}${lines}`) + get(`${HOST}${CLOSE}`), {
        plain,
        servername: NAME,
      });
      // Node loses what came behind a real offer in the same read: the connection says that it closes there
      const served = lines.includes('Connection') ? 1 : 2;
      t.equal(response.match(/HTTP\/1\.1 302 /g)?.length, served, lines);
      t.match(response, /\r\nConnection: close\r\n/i);
      t.equal(seen.requests.length, before + served);
      for (const name of ['upgrade', 'connection', 'http2-settings'])
        t.notMatch(seen.requests[before]?.field(name), [/upgrade|tls|h2|AAM/i], `${lines}: ${name}`);
    }
  }
});

t.test('an offer with content: the content arrives whole', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen, domains });
  const offer = 'Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n';
  for (const content of [
    'Content-Length: 5\r\n\r\nhello',
    'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  ]) {
    const text = `POST /u HTTP/1.1\r\n${HOST}${offer}${content}`;
    const response = await worker.raw(text, { servername: NAME });
    t.equal(response.match(/HTTP\/1\.1 302 /g)?.length, 1);
    t.equal(seen.requests.at(-1)?.body.toString(), 'hello');
  }
});

t.test('Expect: 100-continue without content is ignored', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen, domains });
  for (const version of ['1.0', '1.1']) {
    const text = `GET /e/c/abc HTTP/${version}\r\n${HOST}Expect: 100-continue\r\n${CLOSE}\r\n`;
    t.match(await worker.raw(text, { servername: NAME }), /^HTTP\/1\.1 302 /, version);
  }
  t.match(await ask(await worker.h2(NAME), { expect: '100-continue' }), { status: 302, informed: [] });
  t.equal(seen.requests.length, 3);
  for (const { field } of seen.requests) t.same(field('expect'), []);
});

t.test('a Host with an empty port is the name', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen, domains });
  for (const plain of [false, true])
    t.match(
      await worker.raw(get(`Host: ${NAME}:\r\n${CLOSE}`), { plain, servername: NAME }),
      /^HTTP\/1\.1 302 /,
    );
  const absolute = `GET http://${NAME}:/e/c/abc HTTP/1.1\r\nHost: ${NAME}:\r\n${CLOSE}\r\n`;
  t.match(await worker.raw(absolute, { plain: true }), /^HTTP\/1\.1 302 /);
  t.match(await ask(await worker.h2(NAME), { ':authority': `${NAME}:` }), { status: 302 });
  t.equal(seen.requests.length, 4);
  for (const { field } of seen.requests) t.same(field('host'), [NAME]);
});

t.test('HTTP/1.0 without a Host: the name of the handshake, and 400 where there is none', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen, domains });
  const text = 'GET /e/c/abc HTTP/1.0\r\n\r\n';
  t.match(await worker.raw(text, { servername: NAME }), /^HTTP\/1\.1 302 /);
  t.same(seen.requests[0]?.field('host'), [NAME]);
  t.match(await worker.raw(text, { plain: true }), /^HTTP\/1\.1 400 /);
  const other = 'GET http://clicks.example.net/x HTTP/1.0\r\n\r\n';
  t.match(await worker.raw(other, { servername: NAME }), /^HTTP\/1\.1 421 /);
  t.match(await worker.raw('GET / HTTP/1.0\r\nHost:\r\n\r\n', { servername: NAME }), /^HTTP\/1\.1 400 /);
  t.match(await worker.raw(get(CLOSE), { servername: NAME }), /^HTTP\/1\.1 400 /, 'HTTP/1.1 needs its Host');
  t.equal(seen.requests.length, 1);
});
