// The issuer against the test CA at its worst: every fault at every step.

import t from 'tap';
import { AcmeIssuer } from '../../../../src/cert/acme/acme-issuer.ts';
import type { LinkgateError } from '../../../../src/core/errors.ts';
import { createMemoryStorage } from '../../../../src/storage/memory.ts';
import { acmeCa } from '../../../helpers/acme-ca.ts';
import * as faults from '../../../helpers/acme-ca/faults.ts';
import { fakeClock } from '../../../helpers/fake-clock.ts';
import { forever, name, setUp } from '../../../helpers/acme-issuer.ts';

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
      const error = (await outcome()) as LinkgateError;
      t.equal(error.code, code, `${what} at ${step}: ${String(error)}`);
      if (code === 'ERR_ACME_RATE_LIMITED') t.equal(error.details.retryAfterMs, 120_000);
      t.same(await storage.list('challenges'), []);
    }
    ca.faults.clear();
    t.equal(await outcome(), 'issued', `after ${what}`);
  }
});

t.test('Retry-After as a date, and one of a year', async (t) => {
  const { ca, outcome } = await setUp(t);
  ca.faults.set('newOrder', () => faults.rateLimited(new Date(Date.now() + 3_600_000)));
  const { details } = (await outcome()) as LinkgateError;
  const ms = Number(details.retryAfterMs);
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

t.test('an invalid order keeps the words of the CA about each name', async (t) => {
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

t.test('a certificate that clients would refuse by its dates replaces no other', async (t) => {
  const DAY = 86_400_000;
  const time = { now: Date.now(), dates: 0 };
  const setUpAt = (options: object) =>
    setUp(t, { judge: () => 'valid', now: () => time.now + time.dates, ...options });
  const { ca, outcome, issuer } = await setUpAt({});
  // dated a day ahead or behind when it is signed, while the answers have the time as it is
  const shift = (ms: number): void => {
    ca.faults.set('finalize', () => {
      time.dates = ms;
      return undefined;
    });
    ca.faults.set('order', () => {
      time.dates = 0;
      return undefined;
    });
  };
  shift(DAY);
  t.match(await outcome(), { code: 'ERR_CERT_INVALID', message: /was not valid yet when the CA gave it/ });
  shift(-100 * DAY);
  t.match(await outcome(), { code: 'ERR_CERT_INVALID', message: /had expired when the CA gave it/ });
  time.now += 365 * DAY;
  shift(0);
  t.ok(await issuer.obtain(name, forever), 'by the time of the CA, whatever this machine believes');
});

t.test('a CA that hangs at any step fails at the time limit', async (t) => {
  for (const step of ['newAccount', 'newOrder', 'authorization', 'finalize', 'certificate'] as const) {
    const storage = createMemoryStorage();
    const ca = await acmeCa(t, { judge: () => 'valid' });
    ca.faults.set(step, () => 'hang');
    const clock = fakeClock();
    const result = new AcmeIssuer({
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
