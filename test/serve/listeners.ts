import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { needs } from '../helpers/needs.ts';
import { ask, gather, serve } from '../helpers/serve.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { redirectAnswer, tracker } from '../helpers/tracker.ts';
import { until } from '../helpers/until.ts';

const run = (program: string, args: readonly string[]): Promise<string> =>
  new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const pipe of [child.stdout, child.stderr])
      pipe.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.on('close', () => resolve(text));
  });

const click = '/e/c/eyJlbWFpbCI6MX0%3D//a/../b?x=1&y=%2F';

t.test('a click over HTTP/1.1 reaches the tracker once, byte for byte', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen });
  const answer = await worker.raw(
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
  const done = await worker.next('request.completed');
  t.match(done, { domain: 'links.example.com', status: 302, complete: true, httpVersion: '1.1' });
});

t.test('a click over HTTP/2', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen });
  const session = await worker.h2();
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

t.test('open connections by listener and protocol, and requests under way', async (t) => {
  const held: (() => void)[] = [];
  const seen = await tracker(t, { answer: (...args) => held.push(() => redirectAnswer(...args)) });
  const worker = await serve(t, { tracker: seen });
  const none = { h1: 0, h2: 0, none: 0 };
  t.same(worker.listeners.connectionCounts(), { https: none, http: none });
  const session = await worker.h2();
  const streamed = ask(session, { ':path': '/h2' });
  const answered = worker.raw('GET /h1 HTTP/1.1\r\nHost: links.example.com\r\nConnection: close\r\n\r\n');
  const plain = worker.raw('GET /h1 HTTP/1.1\r\nHost: links.example.com\r\nConnection: close\r\n\r\n', {
    plain: true,
  });
  const silent = connect((worker.listeners.https.address() as AddressInfo).port, '127.0.0.1');
  t.teardown(() => silent.destroy());
  await until('all are there', () => held.length === 3 && worker.listeners.connections() === 4);
  t.same(worker.listeners.connectionCounts(), {
    https: { h1: 1, h2: 1, none: 1 },
    http: { ...none, h1: 1 },
  });
  t.equal(worker.listeners.requestsInFlight(), 3);
  t.equal(worker.listeners.queuedRequests(), 0);
  for (const release of held) release();
  await Promise.all([streamed, answered, plain]);
  silent.destroy();
  session.destroy();
  await until('all are gone', () => worker.listeners.connections() === 0);
  await until('sessions too', () => worker.listeners.connectionCounts().https.h2 === 0);
  t.same(worker.listeners.connectionCounts(), { https: none, http: none });
  t.equal(worker.listeners.requestsInFlight(), 0);
});

t.test('an unknown name ends in an alert', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t) });
  await t.rejects(worker.tls('evil.example.org'), { code: /UNRECOGNIZED_NAME$/ });
  t.equal((await worker.next('handshake.failed')).reason, 'unknown-name');
});

t.test('port 80 forwards too', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen });
  const answer = await worker.raw(
    'GET /e/o/abc HTTP/1.1\r\nHost: links.example.com\r\nConnection: close\r\n\r\n',
    {
      plain: true,
    },
  );
  t.match(answer, /^HTTP\/1\.1 302 /);
  t.same(seen.requests[0]?.field('x-forwarded-proto'), ['http']);
});

t.test(
  'drain: idle connections close, requests in flight are answered and told so, new ones are refused',
  async (t) => {
    const seen = await tracker(t, { answer: (...args) => setTimeout(() => redirectAnswer(...args), 150) });
    const worker = await serve(t, { tracker: seen });
    const idle = await worker.tls('links.example.com');
    const idleGone = gather(idle);
    const session = await worker.h2();
    const streamed = ask(session, { ':path': '/h2' });
    const answered = worker.raw('GET /h1 HTTP/1.1\r\nHost: links.example.com\r\n\r\n');
    while (seen.requests.length < 2) await new Promise((resolve) => setImmediate(resolve));
    const before = performance.now();
    const cut = worker.listeners.drain({ timeoutMs: 60_000, graceMs: 1_000 });
    await t.rejects(worker.tls('links.example.com'), { code: 'ECONNREFUSED' });
    t.match(await answered, /^HTTP\/1\.1 302 Found\r\n[^]*\r\nConnection: close\r\n/);
    t.match(await streamed, { status: 302, code: 0 });
    t.equal(await cut, 0, 'nothing had to be cut');
    await idleGone;
    t.ok(performance.now() - before < 40_000);
    t.equal(worker.listeners.connections(), 0);
  },
);

t.test('drain cuts what is left when its time is over, and says how many', async (t) => {
  const seen = await tracker(t, { answer: () => undefined });
  const worker = await serve(t, { tracker: seen });
  const stuck = worker.raw('GET / HTTP/1.1\r\nHost: links.example.com\r\n\r\n');
  while (seen.requests.length < 1) await new Promise((resolve) => setImmediate(resolve));
  t.equal(worker.listeners.connections(), 1);
  t.equal(await worker.listeners.drain({ timeoutMs: 50, graceMs: 50 }), 1);
  t.equal(await stuck, '');
});

t.test('clients that people use pass through', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen });
  const caFile = join(tempDir(t), 'ca.pem');
  writeFileSync(caFile, worker.pki.rootPem);
  const address = `links.example.com:${worker.httpsPort}`;
  const url = `https://${address}/e/c/a%3D//b?x=1`;
  const curl = [
    '-sS',
    '-D-',
    '-o',
    '/dev/null',
    '--path-as-is',
    '--cacert',
    caFile,
    '--resolve',
    `${address}:127.0.0.1`,
  ];
  const python = `
import http.client, ssl, socket
context = ssl.create_default_context(cafile=${JSON.stringify(caFile)})
raw = socket.create_connection(("127.0.0.1", ${worker.httpsPort}))
connection = http.client.HTTPConnection("links.example.com")
connection.sock = context.wrap_socket(raw, server_hostname="links.example.com")
for _ in range(2):
    connection.request("GET", "/e/c/a%3D//b?x=1")
    answer = connection.getresponse(); answer.read()
    print("HTTP", answer.status, answer.getheader("Location"))
`;
  for (const [what, program, args, expected] of [
    ['curl, HTTP/1.1', 'curl', [...curl, '--http1.1', url], /^HTTP\/1\.1 302 /],
    ['curl, HTTP/2', 'curl', [...curl, '--http2', url], /^HTTP\/2 302 /],
    [
      'curl, one-click unsubscribe',
      'curl',
      [...curl, '-d', 'List-Unsubscribe=One-Click', url],
      /^HTTP\/2 302 /,
    ],
    ['Python', 'python3', ['-c', python], /^HTTP 302 https:\/\/www\.example\.com\/landing.*\nHTTP 302 /],
  ] as const) {
    await t.test(what, { skip: needs(program) }, async (t) => {
      t.match(await run(program, args), expected);
      t.equal(seen.requests.at(-1)?.target, '/e/c/a%3D//b?x=1');
    });
  }
});
