import t, { type Test } from 'tap';
import { checkCertificate } from '../../../../src/cert/certificate/certificate.ts';
import { AcmeIssuer, type AcmeIssuerOptions } from '../../../../src/cert/acme/acme-issuer.ts';
import { directorySlug } from '../../../../src/cert/acme/account.ts';
import { createPrivateKeyPem } from '../../../../src/cert/certificate/private-key.ts';
import { systemClock } from '../../../../src/core/platform/clock.ts';
import type { Storage } from '../../../../src/core/storage.ts';
import { createMemoryStorage } from '../../../../src/storage/memory.ts';
import { challengeServer } from '../../../helpers/challenge-server.ts';
import { fakeClock } from '../../../helpers/fake-clock.ts';
import { needs } from '../../../helpers/needs.ts';
import { pebble } from '../../../helpers/pebble.ts';
import { problem, scriptedCa } from '../../../helpers/scripted-ca.ts';

const forever = new AbortController().signal;
const name = 'links.example.com';

const issuerOf = (
  ca: { readonly directory: string; readonly caFile: string },
  options: { readonly storage: Storage } & Partial<AcmeIssuerOptions>,
) =>
  new AcmeIssuer({
    settings: {
      type: 'acme',
      name: 'test-ca',
      directory: ca.directory,
      caFile: ca.caFile,
      challenges: ['http-01'],
      email: 'ops@example.com',
    },
    keyType: 'ecdsa-p256',
    clock: systemClock,
    ...options,
  });

t.test('with Pebble', { skip: needs('pebble') }, async (t) => {
  await t.test(
    'many names at once share one account and one directory, though nonces are refused',
    async (t) => {
      const storage = createMemoryStorage();
      const ca = await pebble(t, { httpPort: await challengeServer(t, storage), nonceReject: 30 });
      const issuer = issuerOf(ca, { storage });
      const directoryAsked = (): number => ca.log().split('GET /dir ').length - 1;
      const names = Array.from({ length: 12 }, (_, index) => `n${index}.example.com`);
      await Promise.all(
        names.map(async (name) =>
          checkCertificate(name, await issuer.obtain(name, new AbortController().signal)),
        ),
      );
      t.equal(ca.orders(), 12);
      t.equal(ca.accounts(), 1);
      t.equal(directoryAsked(), 2, 'by the helper that waited for it to listen, and once by us');
      t.same(await storage.list('challenges'), [], 'no answer is left behind');
      t.equal((await storage.list('accounts')).length, 1);
    },
  );

  await t.test('valid authorizations of earlier orders are used', async (t) => {
    const storage = createMemoryStorage();
    let asked = 0;
    const httpPort = await challengeServer(t, storage, () => (asked += 1));
    const ca = await pebble(t, { httpPort, authzReuse: 100 });
    const issuer = issuerOf(ca, { storage });
    await issuer.obtain(name, forever);
    const once = asked;
    t.ok(once > 0);
    await issuer.obtain(name, forever);
    t.equal(asked, once);
    t.equal(ca.orders(), 2);
  });

  await t.test('a name that the CA cannot reach is unauthorized, with the words of the CA', async (t) => {
    // The answers are put into one storage and looked for in another.
    const ca = await pebble(t, { httpPort: await challengeServer(t, createMemoryStorage()) });
    const storage = createMemoryStorage();
    await t.rejects(
      issuerOf(ca, { storage })
        .obtain(name, forever)
        .then(() => undefined),
      { code: 'ERR_ACME_UNAUTHORIZED', details: { type: /^urn:ietf:params:acme:error:/, detail: /.+/ } },
    );
    t.same(await storage.list('challenges'), []);
  });

  await t.test('an account that the CA has lost is registered again, with the same key', async (t) => {
    const storage = createMemoryStorage();
    const ca = await pebble(t, { httpPort: await challengeServer(t, storage) });
    const keyPem = await createPrivateKeyPem('ecdsa-p256');
    const key = `accounts/${directorySlug(ca.directory)}.json`;
    const url = ca.directory.replace('/dir', '/my-account/forgotten');
    await storage.write(key, JSON.stringify({ version: 1, directory: ca.directory, keyPem, url }));
    checkCertificate(name, await issuerOf(ca, { storage }).obtain(name, forever));
    const kept = JSON.parse(String(await storage.read(key))) as { keyPem: string; url: string };
    t.equal(kept.keyPem, keyPem);
    t.not(kept.url, url);
  });
});

const outcome = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'issued',
    (error: unknown) => error,
  );

t.test('each fault of a CA has its own code', async (t) => {
  const ca = await scriptedCa(t);
  const storage = createMemoryStorage();
  const issuer = issuerOf(ca, { storage });
  const obtain = () => outcome(issuer.obtain(name, forever));

  ca.script.set('/directory', () => ({
    status: 503,
    headers: { 'content-type': 'text/html' },
    body: '<html>',
  }));
  t.match(await obtain(), { code: 'ERR_ACME_UNREACHABLE' }, 'and the failure is not remembered');
  ca.script.delete('/directory');

  ca.script.set('/order', () => {
    const { status, ...rest } = problem(429, 'rateLimited');
    return { ...rest, status: status ?? 429, headers: { ...rest.headers, 'retry-after': '7200' } };
  });
  t.match(await obtain(), { code: 'ERR_ACME_RATE_LIMITED', details: { retryAfterMs: 7_200_000 } });

  ca.script.set('/order', () =>
    problem(403, 'rejectedIdentifier', { subproblems: [{ type: 'x', detail: 'y' }] }),
  );
  t.match(await obtain(), {
    code: 'ERR_ACME_REFUSED',
    details: { subproblems: [{ type: 'x', detail: 'y' }] },
  });

  ca.script.set('/order', () => 'reset');
  t.match(await obtain(), { code: 'ERR_ACME_UNREACHABLE' });
  ca.script.delete('/order');

  ca.script.set('/order/1', () => ({
    body: {
      status: 'invalid',
      finalize: 'https://x/',
      error: {
        type: 'urn:ietf:params:acme:error:compound',
        detail: 'several',
        subproblems: [{ type: 'urn:ietf:params:acme:error:caa', detail: 'no', identifier: { value: name } }],
      },
    },
  }));
  t.match(await obtain(), {
    code: 'ERR_ACME_REFUSED',
    details: { detail: 'several', subproblems: [{ detail: 'no', name }] },
  });
  ca.script.delete('/order/1');

  t.match(await obtain(), { code: 'ERR_ACME_UNREACHABLE' }, 'a certificate that is empty');
  ca.chainPem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
  t.match(await obtain(), { code: 'ERR_CERT_INVALID' });

  ca.close();
  t.match(await obtain(), { code: 'ERR_ACME_UNREACHABLE', message: /ECONNREFUSED/ });
  t.same(await storage.list('challenges'), []);
});

t.test('a caFile that is missing is named', async (t) => {
  const ca = await scriptedCa(t);
  const issuer = issuerOf({ ...ca, caFile: '/nowhere/ca.pem' }, { storage: createMemoryStorage() });
  t.match(await outcome(issuer.obtain(name, forever)), {
    message: 'caFile "/nowhere/ca.pem" cannot be read',
  });
});

/** Starts an order that hangs at `path`. */
const hangAt = async (t: Test, path: string, options: Partial<AcmeIssuerOptions> = {}) => {
  const ca = await scriptedCa(t);
  const clock = fakeClock();
  const storage = createMemoryStorage();
  const stop = new AbortController();
  ca.script.set(path, () => 'hang');
  const result = outcome(issuerOf(ca, { storage, clock, ...options }).obtain(name, stop.signal));
  while (!ca.requests.some((line) => line.endsWith(` ${path}`))) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { clock, result, stop, storage, directory: ca.directory };
};

t.test('a CA that hangs fails at the time limit of the request, or of the order', async (t) => {
  for (const path of ['/directory', '/account', '/order', '/challenge', '/finalize']) {
    const { clock, result, storage } = await hangAt(t, path);
    await clock.advance(30_000);
    t.match(await result, { code: 'ERR_ACME_TIMEOUT', message: /did not answer in 30000 ms/ }, path);
    t.same(await storage.list('challenges'), []);
  }
  const { clock, result } = await hangAt(t, '/order', { requestTimeoutMs: 1e9 });
  await clock.advance(180_000);
  t.match(await result, { code: 'ERR_ACME_TIMEOUT', message: /was not done in 180000 ms/ });
});

t.test('an order stops at any step when it is aborted, and leaves no answers and no locks', async (t) => {
  for (const path of ['/directory', '/account', '/order', '/challenge', '/finalize']) {
    const { result, stop, storage, directory } = await hangAt(t, path);
    stop.abort(new Error('stopping'));
    t.match(await result, { message: 'stopping' }, path);
    t.same(await storage.list('challenges'), []);
    const lock = await storage.lock(`account_${directorySlug(directory)}`, AbortSignal.timeout(1_000));
    await lock.release();
  }
});

t.test('a CA that never finishes fails at the time limit of the order', async (t) => {
  const ca = await scriptedCa(t);
  const clock = fakeClock();
  ca.script.set('/challenge', () => ({ body: { status: 'processing' } }));
  const state = { settled: false };
  const result = outcome(issuerOf(ca, { storage: createMemoryStorage(), clock }).obtain(name, forever));
  void result.finally(() => (state.settled = true));
  while (!state.settled) {
    // Moves on only while the order itself waits: its own timer, not that of the deadline.
    if (clock.sleepers().some((atMs) => atMs - clock.now() <= 5_000)) await clock.advance(1_000);
    else await new Promise((resolve) => setImmediate(resolve));
  }
  t.match(await result, { code: 'ERR_ACME_TIMEOUT' });
});
