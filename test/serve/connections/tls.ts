// The handshake from outside: who gets in, who gets an alert, which protocol, and what a resumed session may ask for.

import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { connect as tlsConnect, type TLSSocket } from 'node:tls';
import t, { type Test } from 'tap';
import { clientHello } from '../../helpers/client-hello.ts';
import { needs } from '../../helpers/needs.ts';
import { gather, serve, type Serving } from '../../helpers/serve.ts';
import { until } from '../../helpers/until.ts';
import { tracker } from '../../helpers/tracker.ts';

const get = (host: string, path = '/'): string => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;

t.test('an unknown name, no name, and a name without a certificate end in an alert', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t), uncertified: ['clicks.example.net'] });
  const alert = { code: /^ERR_SSL_.*(ALERT|UNRECOGNIZED_NAME)/ };
  await t.rejects(worker.tls('evil.example.org'), alert);
  await t.rejects(worker.tls('x.links.example.com'), alert);
  await t.rejects(worker.tls('clicks.example.net'), alert);
  await t.rejects(worker.tls('', { servername: '' }), alert);
  await t.rejects(worker.tls('evil.example.org', { maxVersion: 'TLSv1.2' }), alert);
  await t.rejects(worker.tls('', { servername: '', maxVersion: 'TLSv1.2' }), alert);
  while (worker.heard('handshake.failed').length < 6) await new Promise((resolve) => setImmediate(resolve));
  const reasons = worker.heard('handshake.failed').map(({ reason }) => reason);
  t.same(reasons.slice(0, 3), ['unknown-name', 'unknown-name', 'no-certificate']);
});

t.test('any case and a trailing dot are the same name', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t) });
  const socket = await worker.tls('LINKS.Example.com');
  t.equal(socket.getPeerCertificate().subject.CN, 'links.example.com');
});

t.test('TLS 1.2 and 1.3; below is refused', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t) });
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const socket = await worker.tls('links.example.com', { minVersion: version, maxVersion: version });
    t.equal(socket.getProtocol(), version);
    // in TLS 1.3 the client is done first (RFC 8446 §2)
    const done = await until('the server is done', () =>
      worker.heard('handshake.completed').find((event) => event.version === version),
    );
    t.match(done, { version, resumed: false });
  }
  // OpenSSL's own client must be told to offer what is too old
  await t.rejects(
    worker.tls('links.example.com', {
      minVersion: 'TLSv1.1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    }),
    { code: /ALERT_PROTOCOL_VERSION/ },
  );
  t.equal((await worker.next('handshake.failed')).reason, 'version');
});

t.test('h2, http/1.1 and http/1.0 by ALPN, http/1.1 without, nothing else', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t) });
  const chosen = async (...protocols: string[]): Promise<string | false | null> =>
    (await worker.tls('links.example.com', { ALPNProtocols: protocols })).alpnProtocol;
  t.equal(await chosen('http/1.1', 'h2'), 'h2', 'ours comes first');
  t.equal(await chosen('http/1.1'), 'http/1.1');
  t.equal(await chosen('http/1.0', 'http/1.1'), 'http/1.1');
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const options = { ALPNProtocols: ['http/0.9', 'http/1.0'], maxVersion: version };
    const old = await worker.tls('links.example.com', options);
    t.equal(old.alpnProtocol, 'http/1.0', version);
    const response = gather(old);
    old.write('GET /e/c/x HTTP/1.0\r\nHost: links.example.com\r\n\r\n');
    t.match(await response, /^HTTP\/1\.[01] 302 /, 'served, and closed after the response');
  }
  t.match(await worker.raw(get('links.example.com'), { until: /\r\n\r\n/ }), /^HTTP\/1\.1 302 /);
  await t.rejects(chosen('spdy/3'), { code: /NO_APPLICATION_PROTOCOL/ });
});

t.test('a handshake that is late is cut, a stalled one too', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t), limits: { tlsHandshakeMs: 150 } });
  for (const bytes of ['', '\x16\x03\x01\x02\x00\x01']) {
    const socket = connect(worker.httpsPort, '127.0.0.1');
    const answer = gather(socket);
    if (bytes !== '') socket.write(Buffer.from(bytes, 'latin1'));
    await answer;
  }
  while (worker.heard('handshake.failed').length < 2) await new Promise((resolve) => setImmediate(resolve));
  t.same(
    worker.heard('handshake.failed').map(({ reason }) => reason),
    ['timeout', 'timeout'],
  );
});

t.test('plain HTTP on the https port is no handshake', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t) });
  const socket = connect(worker.httpsPort, '127.0.0.1');
  const answer = gather(socket);
  socket.write(get('links.example.com'));
  t.notMatch(await answer, /HTTP/);
  t.equal((await worker.next('handshake.failed')).reason, 'protocol');
});

t.test('each failed handshake has its own reason', { skip: needs('openssl') }, async (t) => {
  const worker = await serve(t, { tracker: await tracker(t) });
  const reasons = (): string[] => worker.heard('handshake.failed').map(({ reason }) => reason);
  const shared = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' } as const;
  await t.rejects(worker.tls('links.example.com', shared));
  await until('no cipher in common', () => reasons().length === 1);
  const distrustful = spawn(
    'openssl',
    [
      's_client',
      '-connect',
      `127.0.0.1:${worker.httpsPort}`,
      '-servername',
      'links.example.com',
      '-verify_return_error',
    ],
    { stdio: 'ignore' },
  );
  t.teardown(() => distrustful.kill('SIGKILL'));
  await until('it does not know our CA', () => reasons().length === 2);
  t.same(reasons(), ['cipher', 'untrusted']);
});

/** A ticket of one name, as TLS 1.2 hands it out. */
const sessionOf = async (
  worker: Serving,
  servername: string,
  version: 'TLSv1.2' | 'TLSv1.3',
): Promise<Buffer> => {
  const socket = tlsConnect({
    host: '127.0.0.1',
    port: worker.httpsPort,
    servername,
    ca: worker.pki.rootPem,
    minVersion: version,
    maxVersion: version,
  });
  const session = new Promise<Buffer>((resolve) => socket.once('session', resolve));
  socket.on('error', () => undefined);
  socket.write(get(servername));
  const ticket = await session;
  socket.destroy();
  return ticket;
};
const ask = (socket: TLSSocket, host: string): Promise<string> => {
  const answer = new Promise<string>((resolve) =>
    socket.once('data', (chunk: Buffer) => resolve(chunk.toString())),
  );
  socket.write(get(host));
  return answer;
};

const resume = async (t: Test, worker: Serving, session: Buffer, servername: string): Promise<TLSSocket> => {
  const socket = await worker.tls(servername, { session, maxVersion: 'TLSv1.2' });
  t.ok(socket.isSessionReused());
  return socket;
};

t.test(
  'a resumed TLS 1.2 session has the name of its own ClientHello, and Host must be the same',
  async (t) => {
    const seen = await tracker(t);
    const worker = await serve(t, { tracker: seen });
    const session = await sessionOf(worker, 'links.example.com', 'TLSv1.2');
    const first = await resume(t, worker, session, 'links.example.com');
    const count = seen.requests.length;
    t.match(await ask(first, 'links.example.com'), /^HTTP\/1\.1 302 /, 'a click on it is served');
    t.match(worker.heard('handshake.completed').at(-1), { resumed: true });
    t.match(await ask(first, 'clicks.example.net'), /^HTTP\/1\.1 421 /, 'another name on it is not');
    t.equal(seen.requests.length, count + 1);
    for (const host of ['clicks.example.net', 'evil.example.org']) {
      const other = await resume(t, worker, session, 'links.example.com');
      t.match(await ask(other, host), /^HTTP\/1\.1 421 /, `nor as the first: ${host}`);
    }
    t.equal(seen.requests.length, count + 1);
  },
);

t.test('a ticket of another name opens nothing of that name', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t) });
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const session = await sessionOf(worker, 'links.example.com', version);
    const options = { session, maxVersion: version };
    const other = await worker.tls('clicks.example.net', options);
    t.match(await ask(other, 'links.example.com'), /^HTTP\/1\.1 421 /, version);
    const unknown = worker.tls('evil.example.org', options);
    await t.rejects(unknown, { code: /UNRECOGNIZED_NAME/ }, `${version}, a name that is not configured`);
  }
});

t.test('a session without a name in its ClientHello is for the name of its first request', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t) });
  const session = await sessionOf(worker, 'links.example.com', 'TLSv1.2');
  const nameless = await resume(t, worker, session, '');
  t.match(await ask(nameless, 'links.example.com'), /^HTTP\/1\.1 302 /);
  t.match(await ask(nameless, 'clicks.example.net'), /^HTTP\/1\.1 421 /);
});

t.test('an unknown name is refused before any cryptography', async (t) => {
  const asked: string[] = [];
  const worker = await serve(t, {
    tracker: await tracker(t),
    handshake: (servername) => {
      asked.push(servername);
      return undefined;
    },
  });
  const hello = clientHello({ servername: 'evil.example.org', version: 'TLSv1.3', suites: [0x1301] });
  const socket = connect(worker.httpsPort, '127.0.0.1');
  const alert = gather(socket);
  socket.write(hello);
  t.equal(await alert, '\x15\x03\x03\0\x02\x02\x70', 'unrecognized_name (RFC 6066 §3), and the end');
  t.same(worker.heard('handshake.failed'), [{ reason: 'unknown-name' }]);
  await t.rejects(worker.tls('links.example.com'), { code: /ALERT_HANDSHAKE_FAILURE/ });
  t.same(asked, ['links.example.com'], 'port 1 is asked for configured names only');
  await until('no connection is left', () => worker.listeners.connections() === 0);
});

t.test('a resumed TLS 1.3 session has its name, and Host must be the same', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t) });
  const session = await sessionOf(worker, 'links.example.com', 'TLSv1.3');
  const socket = await worker.tls('links.example.com', { session });
  t.match(await ask(socket, 'clicks.example.net'), /^HTTP\/1\.1 421 /);
  const other = await worker.tls('clicks.example.net', { session });
  t.match(await ask(other, 'clicks.example.net'), /^HTTP\/1\.1 302 /);
});

t.test('openssl s_client gets an alert', { skip: needs('openssl') }, async (t) => {
  const worker = await serve(t, { tracker: await tracker(t) });
  const run = (args: string[]): Promise<string> =>
    new Promise((resolve) => {
      const child = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${worker.httpsPort}`, ...args], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let text = '';
      for (const pipe of [child.stdout, child.stderr])
        pipe.on('data', (chunk: Buffer) => (text += chunk.toString()));
      child.on('close', () => resolve(text));
      child.on('error', () => resolve(''));
    });
  t.match(await run(['-servername', 'evil.example.org']), /unrecognized name/);
  t.match(await run(['-noservername']), /alert handshake failure/);
  t.match(
    await run(['-servername', 'links.example.com', '-tls1_1', '-cipher', 'ALL:@SECLEVEL=0']),
    /alert protocol version/,
  );
  t.match(await run(['-servername', 'links.example.com', '-alpn', 'spdy/3']), /no application protocol/);
});
