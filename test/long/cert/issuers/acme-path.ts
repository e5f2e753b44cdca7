// The issuer against the test CA: what Pebble has not (renewal information, profiles, bindings, alternate chains), at
// their best; acme-faults.ts has the rest.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { checkCertificate } from '../../../../src/cert/certificate/certificate.ts';
import { leadsTo } from '../../../../src/cert/acme/chain.ts';
import type { AcmeIssuerSettings } from '../../../../src/core/settings.ts';
import { readThumbprint } from '../../../../src/cert/acme/account.ts';
import { acmeCa } from '../../../helpers/acme-ca.ts';
import * as faults from '../../../helpers/acme-ca/faults.ts';
import { challengeServer } from '../../../helpers/challenge-server.ts';
import { tempDir } from '../../../helpers/temp-dir.ts';
import { forever, name, setUp } from '../../../helpers/acme-issuer.ts';

t.test('a certificate in spite of refused nonces and long waits, with a new key each time', async (t) => {
  const { ca, issuer, storage } = await setUp(t, { nonceReject: 30, retryAfter: 0 });
  const [first, second] = [await issuer.obtain(name, forever), await issuer.obtain(name, forever)];
  checkCertificate(name, first);
  t.not(first.keyPem, second.keyPem);
  t.equal(ca.accounts().length, 1);
  t.equal(ca.orders().length, 2);
  t.same(await storage.list('challenges'), []);
});

t.test('each domain has its own key type', async (t) => {
  const { issuerOf } = await setUp(t, { judge: () => 'valid' });
  const issuer = issuerOf(
    {},
    new Map([
      ['rsa.example.com', 'rsa-2048'],
      ['p384.example.com', 'ecdsa-p384'],
    ]),
  );
  for (const [one, size] of [
    ['rsa.example.com', 1500],
    ['p384.example.com', 200],
    [name, 100],
  ] as const) {
    const { keyPem, chainPem } = await issuer.obtain(one, forever);
    checkCertificate(one, { keyPem, chainPem });
    t.ok(keyPem.length > size && keyPem.length < size + 250, `${one}: ${keyPem.length}`);
  }
});

t.test('an account binding is sent, and a wrong one is refused with the words of the CA', async (t) => {
  const folder = tempDir(t);
  const hmacKeyFile = join(folder, 'hmac');
  const key = Buffer.from('a key of thirty-two octets, so so').toString('base64url');
  writeFileSync(hmacKeyFile, `${key}\n`);
  const { ca, issuerOf, outcome } = await setUp(t, { eab: { 'kid-1': key } });
  t.match(await outcome(), {
    code: 'ERR_ACME_REFUSED',
    details: { type: 'urn:ietf:params:acme:error:externalAccountRequired' },
  });
  const refused = (
    eab: NonNullable<AcmeIssuerSettings['eab']>,
    expected: { readonly message: string | RegExp; readonly code?: string },
  ) =>
    t.rejects(
      issuerOf({ eab })
        .obtain(name, forever)
        .then(() => undefined),
      expected,
    );
  await refused({ keyId: 'other', hmacKeyFile }, { code: 'ERR_ACME_REFUSED', message: /binding is wrong/ });
  const wrong = join(folder, 'wrong');
  writeFileSync(wrong, Buffer.from('another key of thirty-two octets').toString('base64url'));
  await refused({ keyId: 'kid-1', hmacKeyFile: wrong }, { message: /binding is wrong/ });
  writeFileSync(wrong, 'secret ?');
  await refused(
    { keyId: 'kid-1', hmacKeyFile: wrong },
    { message: `eab.hmacKeyFile "${wrong}" holds no base64url key` },
  );
  await refused(
    { keyId: 'kid-1', hmacKeyFile: '/nowhere' },
    { code: 'ERR_ACME_REFUSED', message: /cannot be read/ },
  );
  checkCertificate(name, await issuerOf({ eab: { keyId: 'kid-1', hmacKeyFile } }).obtain(name, forever));
  t.match(ca.accounts(), [{ eab: 'kid-1' }]);
});

t.test('a profile is ordered when the CA has it; else it is an error', async (t) => {
  const hour = 3_600_000;
  const { ca, issuerOf } = await setUp(t, { profiles: { shortlived: hour, classic: 90 * 24 * hour } });
  const got = await issuerOf({ profile: 'shortlived' }).obtain(name, forever);
  const { notBeforeMs, notAfterMs } = checkCertificate(name, got);
  t.equal(notAfterMs - notBeforeMs, hour);
  t.match(ca.orders(), [{ profile: 'shortlived' }]);
  await t.rejects(
    issuerOf({ profile: 'tlsserver' })
      .obtain(name, forever)
      .then(() => undefined),
    { code: 'ERR_ACME_REFUSED', message: 'CA has no profile "tlsserver": it has shortlived, classic' },
  );
});

t.test('the preferred chain is used when there is one', async (t) => {
  const { issuerOf } = await setUp(t);
  const chain = async (preferredChain: string) =>
    (await issuerOf({ preferredChain }).obtain(name, forever)).chainPem;
  t.ok(leadsTo(await chain('other root'), 'other root'));
  t.ok(leadsTo(await chain('first root'), 'first root'));
  t.ok(leadsTo(await chain('no such root'), 'first root'), 'else the usual one');
});

t.test('renewal information comes with a window and a time to ask again', async (t) => {
  let answer: object | undefined;
  const hour = 3_600_000;
  const { ca, keep, issuer, issuerOf } = await setUp(t, {
    lifetimeMs: 48 * hour,
    renewalInfo: () => answer,
  });
  const certificate = await keep();
  const window = { start: '2026-01-02T03:04:05Z', end: '2026-01-03T03:04:05Z' };
  answer = { suggestedWindow: window, explanationURL: 'https://ca.example/why' };
  t.same(await issuer.renewalInfo?.(certificate, forever), {
    windowStartMs: Date.parse(window.start),
    windowEndMs: Date.parse(window.end),
    retryAfterMs: 6 * hour,
    explanationUrl: 'https://ca.example/why',
  });
  answer = undefined;
  t.equal(await issuer.renewalInfo?.(certificate, forever), undefined, 'unknown to the CA');
  ca.faults.set('renewalInfo', () => faults.malformed);
  t.equal(await issuer.renewalInfo?.(certificate, forever), undefined, 'an id it calls malformed');
  for (const retryAfter of ['0', '99999999999']) {
    ca.faults.set('renewalInfo', () => ({
      headers: { 'retry-after': retryAfter },
      body: { suggestedWindow: window },
    }));
    const info = await issuer.renewalInfo?.(certificate, forever);
    t.equal(info?.retryAfterMs, retryAfter === '0' ? 60_000 : 24 * hour, 'bounded');
  }
  const bad = [
    { body: {} },
    { body: { suggestedWindow: { start: window.end, end: window.start } } },
    { body: { suggestedWindow: { start: 'soon', end: window.end } } },
    faults.unavailable,
    faults.endless('application/json'),
    'reset',
  ] as const;
  for (const fault of bad) {
    ca.faults.set('renewalInfo', () => fault);
    await t.rejects(Promise.resolve(issuer.renewalInfo?.(certificate, forever)), {
      code: 'ERR_ACME_UNREACHABLE',
    });
  }
  const stranger = { ...certificate, directory: 'https://other.example/dir' };
  t.equal(await issuer.renewalInfo?.(stranger, forever), undefined, 'only the CA that issued it is asked');
  const without = await acmeCa(t, { withoutAri: true });
  const other = issuerOf({}, new Map(), without);
  const theirs = { ...certificate, directory: without.directory };
  t.equal(await other.renewalInfo?.(theirs, forever), undefined);
  t.notOk(without.steps.includes('renewalInfo'));
});

t.test('a renewal says what it replaces, to the CA that issued it alone', async (t) => {
  const { ca, keep, issuerOf } = await setUp(t);
  const first = await keep();
  const second = await keep(issuerOf(), first);
  t.same(
    ca.orders().map(({ replaces }) => replaces),
    [undefined, ca.certificates()[0]?.id],
  );
  // alreadyReplaced: once more without it
  const orders = (): number => ca.steps.filter((step) => step === 'newOrder').length;
  const before = orders();
  await keep(issuerOf(), first);
  t.equal(orders(), before + 2);
  t.equal(ca.orders().at(-1)?.replaces, undefined);

  const other = await acmeCa(t, { judge: () => 'valid' });
  await keep(issuerOf({}, new Map(), other), second);
  t.match(other.orders(), [{ replaces: undefined }]);
  t.equal(other.steps.filter((step) => step === 'newOrder').length, 1);
});

t.test('no objection to `replaces` stops a renewal', async (t) => {
  for (const answer of [
    faults.malformed,
    faults.alreadyReplaced,
    faults.problem(404, 'malformed'),
    faults.problem(403, 'unauthorized'),
  ]) {
    const { ca, keep, issuer } = await setUp(t, { judge: () => 'valid' });
    const first = await keep();
    ca.faults.set('newOrder', (times) => (times === 2 ? answer : undefined));
    await keep(issuer, first);
    t.equal(ca.steps.filter((step) => step === 'newOrder').length, 3);
  }
});

t.test('a CA that fails because of `replaces` gets an order without it', async (t) => {
  const { ca, issuer, keep } = await setUp(t);
  const first = await keep();
  ca.faults.set('newOrder', (times) => (times === 2 ? faults.problem(500, 'serverInternal') : undefined));
  await keep(issuer, first);
  t.same(
    ca.orders().map(({ replaces }) => replaces),
    [undefined, undefined],
  );
});

t.test('a rate limit is no objection to `replaces`', async (t) => {
  const { ca, keep, issuer } = await setUp(t, { judge: () => 'valid' });
  const first = await keep();
  ca.faults.set('newOrder', () => faults.rateLimited(60));
  await t.rejects(keep(issuer, first), { code: 'ERR_ACME_RATE_LIMITED' });
  t.equal(ca.steps.filter((step) => step === 'newOrder').length, 2);
});

t.test('a certificate is revoked by its own key, even when the account is gone', async (t) => {
  for (const keyType of ['ecdsa-p256', 'ecdsa-p384', 'rsa-2048'] as const) {
    const { ca, keep, issuerOf } = await setUp(t, { judge: () => 'valid' });
    const issuer = issuerOf({}, new Map([[name, keyType]]));
    const certificate = await keep(issuer);
    ca.forgetAccounts();
    await issuer.revoke?.(certificate, 4, forever);
    t.equal(ca.certificates()[0]?.revoked, 4);
    await issuer.revoke?.(certificate, 4, forever);
    const info = await issuer.renewalInfo?.(certificate, forever);
    t.ok((info?.windowEndMs ?? Infinity) < Date.now(), 'and is to be renewed now');
  }
  const { keep, issuer } = await setUp(t, { judge: () => 'valid' });
  await t.rejects(Promise.resolve(issuer.revoke?.(await keep(), 7, forever)), {
    code: 'ERR_ACME_REFUSED',
    details: { type: /badRevocationReason/ },
  });
});

t.test('an account that the CA has lost is registered again, in the middle of a renewal', async (t) => {
  const { ca, keep, issuer } = await setUp(t);
  const first = await keep();
  ca.forgetAccounts();
  await keep(issuer, first);
  t.equal(ca.accounts().length, 1);
  t.equal(ca.orders().at(-1)?.replaces, undefined, 'the new account did not order the old certificate');
});

t.test('a kind of challenge that fails gives way to the next, with an order of its own', async (t) => {
  const { ca, issuerOf, storage } = await setUp(t, {
    judge: (_name, type) => (type === 'http-01' ? faults.problem(400, 'connection').body : 'valid'),
  });
  checkCertificate(name, await issuerOf({ challenges: ['http-01', 'tls-alpn-01'] }).obtain(name, forever));
  t.same(
    ca.orders().map(({ status }) => status),
    ['invalid', 'valid'],
  );
  t.same(await storage.list('challenges'), []);
  await t.rejects(
    issuerOf({ challenges: ['http-01'] })
      .obtain(name, forever)
      .then(() => undefined),
    { code: 'ERR_ACME_UNAUTHORIZED', details: { challenge: 'http-01' } },
  );
  const only = await setUp(t, { challenges: ['dns-01'] });
  t.match(await only.outcome(), { message: /the CA offers no http-01 challenge/ });
});

t.test('the kind of challenge that worked last is tried first', async (t) => {
  const { ca, issuerOf } = await setUp(t, {
    judge: (_name, type) => (type === 'http-01' ? faults.problem(400, 'connection').body : 'valid'),
  });
  const issuer = issuerOf({ challenges: ['http-01', 'tls-alpn-01'] });
  const first = await issuer.obtain(name, forever);
  t.equal(first.challenge, 'tls-alpn-01');
  t.equal(ca.orders().length, 2);
  const second = await issuer.obtain(name, forever, { challenge: 'tls-alpn-01' });
  t.equal(second.challenge, 'tls-alpn-01');
  t.equal(ca.orders().length, 3, 'no order is spent on the other kind again');
  const third = await issuer.obtain(name, forever, { challenge: 'dns-01' });
  t.equal(third.challenge, 'tls-alpn-01', 'one that is not configured any more means nothing');
  const refusing = await setUp(t, { judge: () => faults.problem(400, 'connection').body });
  await t.rejects(
    refusing
      .issuerOf({ challenges: ['http-01', 'tls-alpn-01'] })
      .obtain(name, forever)
      .then(() => undefined),
    { code: 'ERR_ACME_UNAUTHORIZED', details: { challenge: 'tls-alpn-01', validations: 2 } },
    'the cost of both is reported',
  );
});

t.test('a machine that does not see the stored answers yet answers with the account', async (t) => {
  const { storage, issuerOf } = await setUp(t, { judge: () => 'valid' });
  // sees everything but the answers of challenges, as behind a slow network file system
  const blind = {
    ...storage,
    read: async (key: string) => (key.startsWith('challenges/') ? undefined : storage.read(key)),
  };
  let directory = '';
  const httpPort = await challengeServer(t, blind, undefined, {
    thumbprint: () => readThumbprint(storage, directory),
  });
  const ca = await acmeCa(t, { httpPort });
  directory = ca.directory;
  checkCertificate(name, await issuerOf({}, new Map(), ca).obtain(name, forever));
  t.match(ca.orders(), [{ status: 'valid' }], 'validated over the wire');
});
