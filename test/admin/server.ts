import { request } from 'node:http';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { request as tlsRequest, type RequestOptions as TlsRequestOptions } from 'node:https';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import t from 'tap';
import type { Test } from 'tap';
import { createAccess, type AccessRules } from '../../src/admin/access.ts';
import { textResponse } from '../../src/admin/response.ts';
import { AdminServer } from '../../src/admin/server.ts';
import type { AdminServerOptions } from '../../src/admin/server.ts';
import { holdSocket } from '../../src/app/supervisor/held-socket.ts';
import { systemClock } from '../../src/core/platform/clock.ts';
import type { ListenAddress } from '../../src/core/settings.ts';
import { createPki, type Pki } from '../helpers/pki.ts';
import { until } from '../helpers/until.ts';

interface Started {
  readonly server: AdminServer;
  readonly address: ListenAddress;
  readonly errors: unknown[];
}

const start = async (
  t: Pick<Test, 'teardown'>,
  parts: Partial<AdminServerOptions> = {},
  rules: AccessRules = {},
): Promise<Started> => {
  const errors: unknown[] = [];
  const held = holdSocket('admin', { host: '127.0.0.1', port: 0 });
  const access = createAccess(systemClock);
  access.setRules(rules);
  const server = new AdminServer({
    socket: held,
    access,
    metrics: async (accept) => ({
      type: accept === 'open' ? 'open/metrics' : 'text/plain; version=0.0.4; charset=utf-8',
      text: 'linkgate_workers 2\n',
    }),
    ready: () => true,
    status: async () => ({ version: '1' }),
    onError: (error) => errors.push(error),
    ...parts,
  });
  t.teardown(() => server.stop(0));
  await server.start();
  return { server, address: held.address, errors };
};

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const ask = (
  { host, port }: ListenAddress,
  path: string,
  options: { method?: string; headers?: Readonly<Record<string, string>>; body?: string } = {},
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body } = options;
    const sent = request({ host, port, path, method, headers, agent: false, timeout: 10_000 }, (answer) => {
      text(answer).then(
        (body) => resolve({ status: answer.statusCode, headers: answer.headers, body }),
        reject,
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });

/** Sends bytes and gives back all that came until the connection ended. */
const raw = async ({ host, port }: ListenAddress, bytes: string): Promise<string> => {
  const socket = connect({ host, port });
  socket.setTimeout(10_000, () => socket.destroy(new Error('the server left the connection open')));
  socket.write(bytes, 'latin1');
  return text(socket);
};

const opened = (socket: Socket): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once('connect', resolve).once('error', reject);
  });

t.test('metrics, health and status', async (t) => {
  let ready = false;
  const { address } = await start(t, { ready: () => ready });
  t.ok(address.port > 0);
  const metrics = await ask(address, '/metrics');
  t.match(metrics, { status: 200, body: 'linkgate_workers 2\n' });
  t.equal(metrics.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  const open = await ask(address, '/metrics', { headers: { accept: 'open' } });
  t.equal(open.headers['content-type'], 'open/metrics', 'in the format that was asked for');
  t.equal(metrics.headers['cache-control'], 'no-store');
  t.match(await ask(address, '/metrics?name[]=x'), { status: 200 }, 'a query is ignored');
  t.match(await ask(address, '/healthz'), { status: 200 });
  t.match(await ask(address, '/readyz'), { status: 503 });
  ready = true;
  t.match(await ask(address, '/readyz'), { status: 200 });
  const status = await ask(address, '/api/status');
  t.match(status, { status: 200, headers: { 'content-type': 'application/json' } });
  t.strictSame(JSON.parse(status.body), { version: '1' });
});

t.test('HEAD is GET without the body', async (t) => {
  const { address } = await start(t);
  const head = await ask(address, '/metrics', { method: 'HEAD' });
  t.match(head, { status: 200, body: '', headers: { 'content-length': '19' } });
});

t.test('other paths and other methods', async (t) => {
  const { address } = await start(t);
  for (const path of [
    '/',
    '/metrics/',
    '/METRICS',
    '/api',
    '/api/status/x',
    '/%6detrics',
    '//metrics',
    '/../metrics',
    '/__proto__',
  ]) {
    t.match(await ask(address, path), { status: 404 }, path);
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE']) {
    t.match(
      await ask(address, '/metrics', { method }),
      { status: 405, headers: { allow: 'GET, HEAD' } },
      method,
    );
  }
  t.match(await ask(address, '/readyz', { method: 'POST', body: 'x'.repeat(100_000) }), { status: 405 });
});

t.test('who may not ask is told so, and sees nothing', async (t) => {
  const token = 'a-token-of-this-test';
  const { address } = await start(t, {}, { token });
  for (const [headers, status] of [
    [{ host: 'evil.example' }, 421],
    [{ origin: 'http://evil.example' }, 403],
    [{}, 401],
    [{ authorization: 'Bearer wrong-wrong-wrong' }, 401],
  ] as const) {
    const answer = await ask(address, '/metrics', { headers });
    t.match(answer, { status, headers: { 'cache-control': 'no-store', 'x-frame-options': 'DENY' } });
    t.notMatch(answer.body, 'linkgate_workers');
  }
  t.match(await ask(address, '/metrics', { headers: { authorization: `Bearer ${token}` } }), { status: 200 });
  t.match(await ask(address, '/healthz'), { status: 200 });
  t.match((await ask(address, '/')).headers['www-authenticate'], /Bearer .*Basic /, 'also what is not there');
  t.match(
    await raw(address, 'GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n'),
    /^HTTP\/1\.1 400 /,
    'no Host at all',
  );
  const empty = 'GET /metrics HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n';
  t.match(await raw(address, empty), /^HTTP\/1\.1 421 /, 'an empty one');
});

t.test('a body that has no end is cut off', async (t) => {
  const { address } = await start(t);
  const socket = connect({ host: address.host, port: address.port });
  t.teardown(() => socket.destroy());
  await opened(socket);
  let isOver = false;
  socket.on('error', () => undefined).on('close', () => (isOver = true));
  socket.resume().write('POST /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n');
  const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
  let chunks = 0;
  await until('the connection is gone', () => {
    if (!isOver && socket.writableLength < 1_000_000) {
      socket.write(chunk);
      chunks += 1;
    }
    return isOver;
  });
  t.ok(chunks > 16, 'a short one would have been read');
  t.match(await ask(address, '/healthz'), { status: 200 });
});

t.test('pages, and answers that go on', async (t) => {
  const open: ServerResponse[] = [];
  const { address } = await start(t, {
    pages: new Map([
      ['/', (query) => textResponse(200, query.get('q') ?? '-', { 'X-Frame-Options': 'own' })],
    ]),
    streams: new Map([
      [
        '/events',
        (response) => {
          if (open.length > 0) return false;
          open.push(response.writeHead(200));
          response.write('first');
          return true;
        },
      ],
    ]),
  });
  t.match(await ask(address, '/?q=a%26b'), {
    status: 200,
    body: 'a&b',
    headers: { 'x-frame-options': 'own' },
  });
  t.match(await ask(address, '/', { method: 'POST' }), { status: 405 });
  t.match(await ask(address, '/events', { method: 'POST' }), { status: 405 });
  t.match(await ask(address, '/events', { method: 'HEAD' }), { status: 200, body: '' });
  const listening = ask(address, '/events');
  await until('somebody listens', () => open.length === 1);
  t.match(await ask(address, '/events'), { status: 503, headers: { 'retry-after': '30' } });
  open[0]?.end(' and last');
  t.match(await listening, { status: 200, body: 'first and last' });
});

t.test(
  'TLS: clients need a certificate of the CA that was given, and the server gets new ones',
  async (t) => {
    const [server, clients, others] = [createPki(), createPki(), createPki()];
    const leaf = (pki: Pki, usage: 'serverAuth' | 'clientAuth'): { cert: string; key: string } => {
      const { chainPem, keyPem } = pki.leaf(['127.0.0.1'], undefined, usage);
      return { cert: chainPem, key: keyPem };
    };
    const mine = leaf(server, 'serverAuth');
    const started = await start(t, { tls: { ...mine, clientCa: clients.rootPem } });
    const { host, port } = started.address;
    const show = (options: TlsRequestOptions): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const sent = tlsRequest({ host, port, path: '/metrics', agent: false, timeout: 10_000, ...options });
        sent.on('response', (answer) => resolve(answer.resume().statusCode)).on('error', reject);
        sent.end();
      });
    const trusted = { ca: server.rootPem, ...leaf(clients, 'clientAuth') };
    t.equal(await show(trusted), 200);
    await t.rejects(show({ ca: server.rootPem }), 'none');
    await t.rejects(show({ ca: server.rootPem, ...leaf(others, 'clientAuth') }), 'one of another CA');
    await t.rejects(show({ ca: server.rootPem, ...leaf(clients, 'serverAuth') }), 'one of a server');
    await t.rejects(show({ ...trusted, maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1' }));
    const outOfDate = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES256-SHA' } as const;
    const alert = { message: /alert handshake failure/ };
    await t.rejects(show({ ...trusted, ...outOfDate }), alert);
    await t.rejects(ask(started.address, '/healthz'), 'nothing in the clear');
    const renewed = createPki();
    started.server.setTls({ ...leaf(renewed, 'serverAuth'), clientCa: clients.rootPem });
    await t.rejects(show(trusted), 'the old root is over');
    t.equal(await show({ ...trusted, ca: renewed.rootPem }), 200);
    await t.rejects(show({ ...trusted, ca: renewed.rootPem, ...outOfDate }), alert);
    await t.rejects(show({ ca: renewed.rootPem }), 'clients need one as before');
  },
);

t.test('what fails inside is a 500 that says nothing, and is told', async (t) => {
  const { address, errors } = await start(t, {
    metrics: () => Promise.reject(new Error('inner secret')),
    status: () => {
      throw new Error('thrown at once');
    },
  });
  for (const path of ['/metrics', '/api/status']) {
    t.match(await ask(address, path), { status: 500, body: 'failed\n' });
  }
  t.match(errors, [{ message: 'inner secret' }, { message: 'thrown at once' }]);
  t.match(await ask(address, '/healthz'), { status: 200 }, 'and the next request is served');
});

t.test('rubbish ends its connection and nothing else', async (t) => {
  const { address } = await start(t);
  for (const bytes of [
    'rubbish\r\n\r\n',
    `GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(10_000)}\r\n\r\n`,
    'CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  ]) {
    t.notMatch(await raw(address, bytes), 'linkgate_workers', JSON.stringify(bytes.slice(0, 20)));
  }
  t.match(await ask(address, '/healthz'), { status: 200 });
});

t.test('a silent or slow client is let go', { timeout: 60_000 }, async (t) => {
  const { address } = await start(t);
  const begin = performance.now();
  await raw(address, 'GET /metrics HTTP/1.1\r\nHo');
  t.ok(performance.now() - begin < 40_000, 'an unfinished head; Node itself would wait for a minute');
});

t.test('stop ends what is open within its time', async (t) => {
  const { server, address } = await start(t, { metrics: () => new Promise(() => undefined) });
  const silent = connect({ host: address.host, port: address.port });
  silent.on('error', () => undefined);
  t.teardown(() => silent.destroy());
  await opened(silent);
  const hanging = ask(address, '/metrics').then(
    () => 'answered',
    () => 'cut off',
  );
  await ask(address, '/healthz');
  const begin = performance.now();
  await server.stop(200);
  t.ok(performance.now() - begin < 9_000, 'by themselves they would stay for ten seconds and more');
  t.equal(await hanging, 'cut off');
  await t.rejects(ask(address, '/healthz'));
  await t.resolves(server.stop(), 'twice is once');
});

t.test('a socket that cannot listen is one clear error', async (t) => {
  const socket = holdSocket('admin', { host: '127.0.0.1', port: 0 });
  socket.close();
  await t.rejects(start(t, { socket }), {
    code: 'ERR_LISTEN_IN_USE',
    message: `admin listener cannot listen on "127.0.0.1:${socket.address.port}"`,
  });
});
