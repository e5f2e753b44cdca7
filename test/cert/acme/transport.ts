import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { AcmeTransport, createTrust, readCaFile } from '../../../src/cert/acme/transport.ts';
import { systemClock } from '../../../src/core/platform/clock.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { problem, scriptedCa, type ScriptedCa } from '../../helpers/scripted-ca.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

const forever = new AbortController().signal;

const connect = (
  t: Test,
  ca: ScriptedCa,
  options: Partial<ConstructorParameters<typeof AcmeTransport>[0]> = {},
): AcmeTransport => {
  const transport = new AcmeTransport({
    trust: createTrust(readFileSync(ca.caFile, 'utf8')),
    clock: systemClock,
    signal: forever,
    requestTimeoutMs: 30_000,
    ...options,
  });
  t.teardown(() => transport.close());
  return transport;
};

const outcome = async (transport: AcmeTransport, url: string) =>
  transport.request(url, 'get').then(
    () => 'answered',
    (error: unknown) => error,
  );

t.test('JSON is parsed, and the response keeps its fields', async (t) => {
  const ca = await scriptedCa(t);
  const { status, headers, data } = await connect(t, ca).request(ca.directory, 'get');
  t.equal(status, 200);
  t.match(headers['replay-nonce'], /^nonce/);
  t.match(data, { newNonce: /^https:/ });
});

t.test('a problem becomes an error with the words of the CA', async (t) => {
  const ca = await scriptedCa(t);
  ca.script.set('/directory', () => problem(403, 'unauthorized', { subproblems: [{ type: 'x' }] }));
  await t.rejects(
    connect(t, ca)
      .request(ca.directory, 'get')
      .then(() => undefined),
    {
      code: 'ERR_ACME_REFUSED',
      details: {
        type: 'urn:ietf:params:acme:error:unauthorized',
        detail: 'detail of unauthorized',
        subproblems: [{ type: 'x' }],
        status: 403,
      },
    },
  );
});

t.test('429 and 503 carry the Retry-After of the CA', async (t) => {
  const ca = await scriptedCa(t);
  const clock = fakeClock();
  const transport = connect(t, ca, { clock });
  const asked = async (status: number, retryAfter: string) => {
    ca.script.set('/directory', () => ({
      status,
      headers: { 'retry-after': retryAfter, 'content-type': 'text/html' },
      body: '<html>no</html>',
    }));
    return transport.request(ca.directory, 'get').catch((error: unknown) => error);
  };
  t.match(await asked(429, '3600'), { code: 'ERR_ACME_RATE_LIMITED', details: { retryAfterMs: 3_600_000 } });
  t.match(await asked(429, new Date(clock.now() + 60_000).toUTCString()), {
    details: { retryAfterMs: 60_000 },
  });
  t.match(await asked(429, '99999999'), { details: { retryAfterMs: 86_400_000 } });
  t.match(await asked(503, '60'), {
    code: 'ERR_ACME_UNREACHABLE',
    message: /failed at the CA with 503$/,
    details: { retryAfterMs: 60_000, type: 'about:blank', status: 503 },
  });
});

t.test('badNonce is left to acme-client, which repeats the request', async (t) => {
  const ca = await scriptedCa(t);
  ca.script.set('/directory', () => problem(400, 'badNonce'));
  t.equal((await connect(t, ca).request(ca.directory, 'get')).status, 400);
});

t.test('a redirect is not followed', async (t) => {
  const ca = await scriptedCa(t);
  ca.script.set('/directory', () => ({ status: 302, headers: { location: '/elsewhere' } }));
  await t.rejects(
    connect(t, ca)
      .request(ca.directory, 'get')
      .then(() => undefined),
    { code: 'ERR_ACME_REFUSED', details: { status: 302 } },
  );
  t.same(ca.requests, ['GET /directory']);
});

t.test('a response above a mebibyte is cut off', async (t) => {
  const ca = await scriptedCa(t);
  ca.script.set('/directory', () => ({ body: 'x'.repeat(10 * 1024 * 1024) }));
  await t.rejects(
    connect(t, ca)
      .request(ca.directory, 'get')
      .then(() => undefined),
    { code: 'ERR_ACME_UNREACHABLE', message: /sent more than 1048576 bytes/ },
  );
});

t.test('a CA that hangs fails at the time limit', async (t) => {
  const ca = await scriptedCa(t);
  ca.script.set('/directory', () => 'hang');
  const clock = fakeClock();
  const asking = connect(t, ca, { clock }).request(ca.directory, 'get');
  asking.catch(() => undefined);
  while (ca.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(30_000);
  await t.rejects(
    asking.then(() => undefined),
    { code: 'ERR_ACME_TIMEOUT', message: /did not answer in 30000 ms/ },
  );
  t.same(clock.sleepers(), []);
});

t.test('the caller can abort it, and gets its own reason', async (t) => {
  const ca = await scriptedCa(t);
  ca.script.set('/directory', () => 'hang');
  const stop = new AbortController();
  const asking = connect(t, ca, { signal: stop.signal }).request(ca.directory, 'get');
  stop.abort(new Error('stopping'));
  await t.rejects(
    asking.then(() => undefined),
    { message: 'stopping' },
  );
});

t.test('a CA that is down, resets, or has a wrong certificate is unreachable, with the reason', async (t) => {
  const ca = await scriptedCa(t);
  const transport = connect(t, ca);
  ca.script.set('/directory', () => 'reset');
  t.match(await outcome(transport, ca.directory), { code: 'ERR_ACME_UNREACHABLE', message: /ECONNRESET/ });

  const stranger = connect(t, ca, {
    trust: createTrust(readFileSync((await scriptedCa(t)).caFile, 'utf8')),
  });
  t.match(await outcome(stranger, ca.directory), {
    code: 'ERR_ACME_UNREACHABLE',
    message: /UNABLE_TO_VERIFY_LEAF_SIGNATURE/,
    cause: Error,
  });
  const otherName = ca.directory.replace('localhost', '127.0.0.1');
  t.match(await outcome(transport, otherName), { message: /ERR_TLS_CERT_ALTNAME_INVALID|ECONNREFUSED/ });

  ca.close();
  t.match(await outcome(transport, ca.directory), { code: 'ERR_ACME_UNREACHABLE', message: /ECONNREFUSED/ });
  for (const url of ['http://localhost/', 'nonsense', 'file:///etc/passwd']) {
    t.match(await outcome(transport, url), { code: 'ERR_ACME_UNREACHABLE', message: /not https/ });
  }
});

t.test('a server that does not speak TLS is unreachable too', async (t) => {
  const server = createServer((socket) => socket.end('hello\n'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const ca = await scriptedCa(t);
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  await t.rejects(
    connect(t, ca)
      .request(url, 'get')
      .then(() => undefined),
    { code: 'ERR_ACME_UNREACHABLE' },
  );
});

t.test('a caFile that cannot be read is named', async (t) => {
  const path = join(tempDir(t), 'ca.pem');
  t.equal(await readCaFile(undefined), undefined);
  await t.rejects(
    readCaFile(path).then(() => undefined),
    { code: 'ERR_ACME_UNREACHABLE', message: `caFile "${path}" cannot be read`, cause: Error },
  );
  writeFileSync(path, 'pem');
  t.equal(await readCaFile(path), 'pem');
});
