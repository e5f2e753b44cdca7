import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { asDirectory } from '../../../src/cert/acme/acme-objects.ts';
import { createAcmeSession } from '../../../src/cert/acme/session.ts';
import { AcmeTransport, createTrust } from '../../../src/cert/acme/transport.ts';
import { createPrivateKeyPem } from '../../../src/cert/certificate/private-key.ts';
import { systemClock } from '../../../src/core/platform/clock.ts';
import { problem, scriptedCa, type ScriptedCa } from '../../helpers/scripted-ca.ts';

const accountKeyPem = await createPrivateKeyPem('ecdsa-p256');

const open = async (t: Test, ca: ScriptedCa) => {
  const transport = new AcmeTransport({
    trust: createTrust(readFileSync(ca.caFile, 'utf8')),
    clock: systemClock,
    signal: new AbortController().signal,
    requestTimeoutMs: 10_000,
  });
  t.teardown(() => transport.close());
  return createAcmeSession({
    directoryUrl: ca.directory,
    directory: asDirectory((await transport.request(ca.directory, 'get')).data),
    accountKeyPem,
    accountUrl: ca.directory.replace('directory', 'account/1'),
    transport,
    clock: systemClock,
  });
};

t.test('one nonce is fetched, then each response brings the next', async (t) => {
  const ca = await scriptedCa(t);
  const session = await open(t, ca);
  const order = await session.placeOrder('links.example.com', {});
  await session.readOrder(order.url);
  await session.readAuthorization(order.authorizations[0] ?? '');
  t.same(ca.requests, [
    'GET /directory',
    'HEAD /nonce',
    'POST /order',
    'POST /order/1',
    'POST /authorization',
  ]);
});

t.test('a refused nonce is replaced ten times, then the request fails', async (t) => {
  const ca = await scriptedCa(t);
  ca.script.set('/order', (times) => (times <= 10 ? problem(400, 'badNonce') : undefined));
  const session = await open(t, ca);
  t.match(await session.placeOrder('links.example.com', {}), { status: 'pending' });
  t.equal(ca.requests.filter((line) => line === 'POST /order').length, 11);

  ca.script.set('/order/1', () => problem(400, 'badNonce'));
  await t.rejects(
    session.readOrder(ca.directory.replace('directory', 'order/1')).then(() => undefined),
    { code: 'ERR_ACME_UNREACHABLE', cause: Error },
  );
});

t.test('an object of the CA is read, and the Retry-After next to it', async (t) => {
  const ca = await scriptedCa(t);
  const session = await open(t, ca);
  ca.script.set('/order/1', () => ({
    headers: { 'retry-after': '7' },
    body: {
      status: 'invalid',
      finalize: 'https://x/',
      authorizations: [],
      error: { type: 'urn:ietf:params:acme:error:caa', detail: 'no' },
    },
  }));
  t.match(await session.readOrder(ca.directory.replace('directory', 'order/1')), {
    retryAfterMs: 7000,
    value: { status: 'invalid', problem: { type: 'urn:ietf:params:acme:error:caa', detail: 'no' } },
  });
});

t.test('a response that is not ACME is an error of the CA', async (t) => {
  const ca = await scriptedCa(t);
  const session = await open(t, ca);
  for (const body of ['<html>', '', 'null', '{}', '[]', '{"status":1}']) {
    ca.script.set('/order', () => ({ status: 201, headers: { 'content-type': 'application/json' }, body }));
    await t.rejects(
      session.placeOrder('links.example.com', {}).then(() => undefined),
      { code: 'ERR_ACME_UNREACHABLE' },
      body,
    );
  }
  ca.script.set('/directory', () => ({ body: '<html>' }));
  await t.rejects(
    open(t, ca).then(() => undefined),
    { code: 'ERR_ACME_UNREACHABLE', message: 'CA sent a directory that makes no sense' },
  );
});

t.test('the key authorization is the token and the thumbprint of the key', async (t) => {
  const ca = await scriptedCa(t);
  const session = await open(t, ca);
  t.match(await session.keyAuthorization('token'), /^token\.[A-Za-z0-9_-]{43}$/);
});
