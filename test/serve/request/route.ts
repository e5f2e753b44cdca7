import * as fc from 'fast-check';
import t from 'tap';
import type { DomainSettings } from '../../../src/core/settings.ts';
import { route, type RouteRequest } from '../../../src/serve/request/route.ts';

const links: DomainSettings = { name: 'links.example.com', upstream: 'us', redirectHttp: false };
const clicks: DomainSettings = { name: 'clicks.example.net', upstream: 'eu', redirectHttp: false };
const known = new Map([links, clicks].map((domain) => [domain.name, domain]));
const find = (name: string): DomainSettings | undefined => known.get(name);

const request = (change: Partial<RouteRequest> = {}): RouteRequest => ({
  method: 'GET',
  target: '/',
  host: 'links.example.com',
  connection: { servername: 'links.example.com', pinnedName: undefined },
  ...change,
});

t.test('Host in any case, with a trailing dot or a port, is the configured name', (t) => {
  for (const host of [
    'links.example.com',
    'LINKS.Example.COM',
    'links.example.com.',
    'links.example.com:443',
    'links.example.com.:8443',
    'links.example.com:',
  ]) {
    t.equal(route(request({ host }), find).domain, links, host);
  }
  t.end();
});

t.test('SNI in any case and with a trailing dot matches', (t) => {
  const connection = { servername: 'Links.Example.COM.', pinnedName: undefined };
  t.equal(route(request({ connection }), find).domain, links);
  t.end();
});

t.test('a Host that is not a plain name is malformed', (t) => {
  for (const host of [
    '',
    ' links.example.com',
    'user@links.example.com',
    'user:pw@links.example.com',
    'links.example.com:port',
    'links.example.com:443:443',
    'links.example.com/x',
    'links.example.com?x',
    'links.example.com#x',
    'links.example.com, clicks.example.net',
    '[::1]',
    'links_example.com',
    'links.example.com\\',
    'línks.example.com',
    'a'.repeat(300),
  ]) {
    t.throws(() => route(request({ host }), find), { code: 'ERR_REQUEST_MALFORMED' }, host);
  }
  t.end();
});

t.test('a name that is not configured, or not the connection’s, is misdirected', (t) => {
  const code = 'ERR_REQUEST_MISDIRECTED';
  t.throws(() => route(request({ host: 'evil.example.org' }), find), { code });
  t.throws(() => route(request({ host: 'example.com' }), find), { code });
  t.throws(() => route(request({ host: 'x.links.example.com' }), find), { code });
  t.throws(() => route(request({ host: '127.0.0.1' }), find), { code });
  t.throws(() => route(request({ host: 'clicks.example.net' }), find), { code }, 'Host ≠ SNI');
  t.end();
});

t.test('port 80 has no SNI to compare with', (t) => {
  const connection = { servername: undefined, pinnedName: undefined };
  t.equal(route(request({ connection }), find).domain, links);
  t.equal(route(request({ connection, host: 'clicks.example.net' }), find).domain, clicks);
  t.end();
});

t.test('a connection without SNI is for the name of its first good request', (t) => {
  const connection = { servername: false as const, pinnedName: undefined };
  t.throws(() => route(request({ connection, host: 'evil.example.org' }), find));
  t.throws(() => route(request({ connection, target: 'junk' }), find));
  t.equal(connection.pinnedName, undefined);
  t.equal(route(request({ connection, host: 'clicks.example.net' }), find).domain, clicks);
  t.equal(route(request({ connection, host: 'Clicks.example.net.' }), find).domain, clicks);
  t.throws(() => route(request({ connection }), find), { code: 'ERR_REQUEST_MISDIRECTED' });
  t.end();
});

t.test('the target passes byte for byte', (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0x21, max: 0xff }).filter((c) => c < 0x7f || c > 0x7f)),
        (bytes) => {
          const target = `/${String.fromCharCode(...bytes.filter((c) => c >= 0x80 || c < 0x7f))}`;
          return route(request({ target }), find).target === target;
        },
      ),
    ),
  );
  t.end();
});

t.test('absolute-form for the same host becomes origin-form, for another it is refused', (t) => {
  for (const [target, origin] of [
    ['http://links.example.com/a%3D/../b?x=1', '/a%3D/../b?x=1'],
    ['HTTPS://Links.example.com:443/a', '/a'],
    ['http://links.example.com', '/'],
    ['http://links.example.com?x=1', '/?x=1'],
  ] as const) {
    t.equal(route(request({ target }), find).target, origin, target);
  }
  const misdirected = { code: 'ERR_REQUEST_MISDIRECTED' };
  t.throws(() => route(request({ target: 'http://clicks.example.net/' }), find), misdirected);
  t.throws(() => route(request({ target: 'http://evil.example.org/' }), find), misdirected);
  const malformed = { code: 'ERR_REQUEST_MALFORMED' };
  t.throws(() => route(request({ target: 'http://u:p@links.example.com/' }), find), malformed);
  t.throws(() => route(request({ target: 'http:///x' }), find), malformed);
  t.throws(() => route(request({ target: 'ftp://links.example.com/' }), find), malformed);
  t.end();
});

t.test('targets of no known form are malformed', (t) => {
  for (const target of [
    '',
    '*',
    'links.example.com:443',
    'a/b',
    '/a b',
    '/a\r\nb',
    '/a\0',
    '/a\x7f',
    '/\u0142',
  ]) {
    for (const method of ['GET', 'OPTIONS'])
      t.throws(() => route(request({ method, target }), find), { code: 'ERR_REQUEST_MALFORMED' }, target);
  }
  t.end();
});

t.test('CONNECT is not served, a method has to be a token', (t) => {
  t.throws(() => route(request({ method: 'CONNECT', target: 'x:443' }), find), {
    code: 'ERR_REQUEST_UNSUPPORTED',
  });
  for (const method of ['', 'GET ', 'GET / HTTP/1.1\r\n', 'GÉT', 'A'.repeat(33)])
    t.throws(() => route(request({ method }), find), { code: 'ERR_REQUEST_MALFORMED' }, method);
  t.equal(route(request({ method: 'PROPFIND' }), find).domain, links);
  t.end();
});
