// The issuer against the test CA: what Pebble has not (renewal information, profiles, bindings, alternate chains), and
// every fault at every step.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { checkCertificate } from '../../../src/cert/certificate.ts';
import { createAcmeIssuer } from '../../../src/cert/issuers/acme.ts';
import { leadsTo } from '../../../src/cert/issuers/acme-chain.ts';
import { createCertificateStore, type StoredCertificate } from '../../../src/cert/store.ts';
import type { GateError } from '../../../src/core/errors.ts';
import { systemClock } from '../../../src/core/clock.ts';
import type { AcmeIssuerSettings, KeyType } from '../../../src/core/settings.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { acmeCa, type AcmeCa, type AcmeCaOptions } from '../../helpers/acme-ca.ts';
import * as faults from '../../helpers/acme-ca/faults.ts';
import { challengeServer } from '../../helpers/challenge-server.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

const forever = new AbortController().signal;
const name = 'links.example.com';

const setUp = async (t: Test, caOptions: AcmeCaOptions = {}, settings: Partial<AcmeIssuerSettings> = {}) => {
  const storage = createMemoryStorage();
  const ca = await acmeCa(t, { httpPort: await challengeServer(t, storage), ...caOptions });
  const store = createCertificateStore({ storage });
  const issuerOf = (
    more: Partial<AcmeIssuerSettings> = {},
    keyTypes: ReadonlyMap<string, KeyType> = new Map(),
    of: AcmeCa = ca,
  ) =>
    createAcmeIssuer({
      settings: {
        type: 'acme',
        name: 'test-ca',
        directory: of.directory,
        caFile: of.caFile,
        challenges: ['http-01'],
        ...settings,
        ...more,
      },
      keyType: 'ecdsa-p256',
      keyTypes,
      storage,
      clock: systemClock,
    });
  const issuer = issuerOf();
  const outcome = (): Promise<unknown> =>
    issuer.obtain(name, forever).then(
      () => 'issued',
      (error: unknown) => error,
    );
  /** issued and stored */
  const keep = async (from = issuer, replaces?: StoredCertificate): Promise<StoredCertificate> => {
    const { source, issuer: by, directory = '' } = from;
    const got = await from.obtain(name, forever, replaces === undefined ? {} : { replaces });
    return store.write(name, { ...got, source, issuer: by, directory });
  };
  return { ca, storage, store, issuer, issuerOf, outcome, keep };
};

t.test('a certificate through refused nonces and patience, with a new key each time', async (t) => {
  const { ca, issuer, storage } = await setUp(t, { nonceReject: 30, retryAfter: 0 });
  const [first, second] = [await issuer.obtain(name, forever), await issuer.obtain(name, forever)];
  checkCertificate(name, first);
  t.not(first.keyPem, second.keyPem);
  t.equal(ca.accounts().length, 1);
  t.equal(ca.orders().length, 2);
  t.same(await storage.list('challenges'), []);
});

t.test('each domain has the key type it wants', async (t) => {
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

t.test('a profile is asked for where the CA has it, and its absence is no secret', async (t) => {
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

t.test('the preferred chain is taken where there is one', async (t) => {
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

t.test('no objection to what is replaced stops a renewal', async (t) => {
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

t.test('a limit of the CA is no objection to what is replaced', async (t) => {
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

t.test('an account the CA has lost is registered anew, in the middle of a renewal', async (t) => {
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

t.test('each fault at each step has its code and leaves nothing behind', async (t) => {
  const steps = [
    'directory',
    'newNonce',
    'newAccount',
    'newOrder',
    'authorization',
    'challenge',
    'order',
    'finalize',
    'certificate',
  ] as const;
  const cases = [
    ['503 with HTML', faults.unavailable, 'ERR_ACME_UNREACHABLE'],
    ['429 in seconds', faults.rateLimited(120), 'ERR_ACME_RATE_LIMITED'],
    ['reset', 'reset', 'ERR_ACME_UNREACHABLE'],
    ['10 MB', faults.endless('application/json'), 'ERR_ACME_UNREACHABLE'],
    ['refused', faults.problem(403, 'rejectedIdentifier'), 'ERR_ACME_REFUSED'],
  ] as const;
  for (const [what, fault, code] of cases) {
    const { ca, outcome, storage } = await setUp(t, { judge: () => 'valid' });
    for (const step of steps) {
      // The answer to a HEAD has no body, however long.
      if (step === 'newNonce' && what === '10 MB') continue;
      if (step === 'newAccount') for (const key of await storage.list('accounts')) await storage.remove(key);
      ca.faults.clear();
      ca.faults.set(step, () => fault);
      const error = (await outcome()) as GateError;
      t.equal(error.code, code, `${what} at ${step}: ${String(error)}`);
      if (code === 'ERR_ACME_RATE_LIMITED') t.equal(error.details['retryAfterMs'], 120_000);
      t.same(await storage.list('challenges'), []);
    }
    ca.faults.clear();
    t.equal(await outcome(), 'issued', `after ${what}`);
  }
});

t.test('Retry-After as a date, and one of a year', async (t) => {
  const { ca, outcome } = await setUp(t);
  ca.faults.set('newOrder', () => faults.rateLimited(new Date(Date.now() + 3_600_000)));
  const { details } = (await outcome()) as GateError;
  const ms = Number(details['retryAfterMs']);
  t.ok(ms > 3_590_000 && ms <= 3_600_000, String(ms));
  ca.faults.set('newOrder', () => faults.rateLimited(31_536_000));
  t.match(await outcome(), { details: { retryAfterMs: 86_400_000 } });
});

t.test('a storm of refused nonces ends, and is the fault of the CA', async (t) => {
  const { ca, outcome } = await setUp(t);
  ca.faults.set('newOrder', () => faults.badNonce);
  t.match(await outcome(), { code: 'ERR_ACME_UNREACHABLE' });
  t.equal(ca.steps.filter((step) => step === 'newOrder').length, 11);
});

t.test('an order that becomes invalid keeps what the CA said of each name', async (t) => {
  const subproblems = [
    { type: 'urn:ietf:params:acme:error:caa', detail: 'forbidden', identifier: { type: 'dns', value: name } },
  ];
  const { outcome } = await setUp(t, {
    judge: () => faults.problem(403, 'unauthorized', { subproblems }).body,
  });
  t.match(await outcome(), {
    code: 'ERR_ACME_UNAUTHORIZED',
    details: { subproblems: [{ type: /caa$/, detail: 'forbidden', name }] },
  });
  const caa = await setUp(t, { judge: () => faults.problem(403, 'caa').body });
  t.match(await caa.outcome(), { code: 'ERR_ACME_REFUSED', details: { type: /caa$/ } });
});

t.test('chains as CAs should not send them', async (t) => {
  const shaped = (shapeChain: (pem: string) => string) => setUp(t, { judge: () => 'valid', shapeChain });
  const glued = await shaped((pem) => pem.replaceAll('\n-----BEGIN', '-----BEGIN').trimEnd());
  const { chainPem } = await glued.keep();
  t.match(chainPem, /-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----/, 'without line ends');

  const stranger = (await shaped((pem) => pem)).ca;
  const other = await (await setUp(t, { judge: () => 'valid' })).keep();
  t.match(await (await shaped(() => other.chainPem)).outcome(), {
    code: 'ERR_CERT_INVALID',
    message: /does not match its private key/,
  });
  const broken = await shaped((pem) => pem.slice(0, pem.indexOf('-----END') + 25) + '\n' + stranger.rootPem);
  t.match(await broken.outcome(), { code: 'ERR_CERT_INVALID', message: /did not sign the one before it/ });
  t.match(await (await shaped(() => '')).outcome(), { code: 'ERR_ACME_UNREACHABLE' });
});

t.test('a CA that hangs at any step is given up', async (t) => {
  for (const step of ['newAccount', 'newOrder', 'authorization', 'finalize', 'certificate'] as const) {
    const storage = createMemoryStorage();
    const ca = await acmeCa(t, { judge: () => 'valid' });
    ca.faults.set(step, () => 'hang');
    const clock = fakeClock();
    const result = createAcmeIssuer({
      settings: {
        type: 'acme',
        name: 'x',
        directory: ca.directory,
        caFile: ca.caFile,
        challenges: ['http-01'],
      },
      keyType: 'ecdsa-p256',
      storage,
      clock,
    })
      .obtain(name, forever)
      .catch((error: unknown) => error);
    while (!ca.steps.includes(step)) {
      // polls of the order wait by the same clock
      if (clock.sleepers().some((atMs) => atMs - clock.now() < 1_000)) await clock.advance(500);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await clock.advance(30_000);
    t.match(await result, { code: 'ERR_ACME_TIMEOUT' }, step);
    t.same(await storage.list('challenges'), []);
  }
});
