// Which issuer is asked, and what is thrown when none gives a certificate. The order around it is issue.ts.

import t from 'tap';
import { IssuersHealth } from '../../../src/cert/issuers/issuer-health.ts';
import type { Issuer, Obtained } from '../../../src/cert/issuers/issuer.ts';
import { tryIssuers } from '../../../src/cert/renewal/try-issuers.ts';
import { LinkgateError, type ErrorCode } from '../../../src/core/errors.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { recorder } from '../../helpers/recorder.ts';

const name = 'links.example.com';
const { signal } = new AbortController();
const given: Obtained = { keyPem: 'key', chainPem: 'chain' };

const setUp = (...outcomes: readonly (ErrorCode | 'good')[]) => {
  const clock = fakeClock();
  const { emit, of } = recorder();
  const health = new IssuersHealth({ storage: createMemoryStorage(), clock, emit });
  const asked: string[] = [];
  const issuers = outcomes.map((outcome, index): Issuer => {
    const issuer = `ca${index}`;
    return {
      source: 'acme',
      issuer,
      directory: `https://${issuer}/`,
      obtain: async () => {
        asked.push(issuer);
        if (outcome === 'good') return given;
        throw new LinkgateError(outcome, `${issuer} says no`);
      },
    };
  });
  const order = (
    accept: (issuer: Issuer) => Promise<string> = async ({ issuer }) => issuer,
    force = false,
  ): Promise<string> =>
    tryIssuers(name, signal, { issuers, health, clock, emit, options: {}, force, accept });
  return { order, asked, of, clock };
};

t.test('the first issuer that can gives the certificate', async (t) => {
  const { order, asked, of } = setUp('ERR_ACME_REFUSED', 'good', 'good');
  t.equal(await order(), 'ca1');
  t.same(asked, ['ca0', 'ca1']);
  t.match(of('order.completed'), [
    { issuer: 'ca0', result: 'failed', code: 'ERR_ACME_REFUSED' },
    { issuer: 'ca1', result: 'issued' },
  ]);
});

t.test('no other issuer is asked after a failed validation or a storage that failed', async (t) => {
  const failed = setUp('ERR_ACME_UNAUTHORIZED', 'good');
  await t.rejects(failed.order(), { code: 'ERR_ACME_UNAUTHORIZED', details: { issuer: 'ca0' } });
  t.same(failed.asked, ['ca0']);
  const unstored = setUp('good', 'good');
  const full = new LinkgateError('ERR_STORAGE_UNAVAILABLE', 'full');
  await t.rejects(
    unstored.order(() => Promise.reject(full)),
    { code: 'ERR_STORAGE_UNAVAILABLE' },
  );
  t.same(unstored.asked, ['ca0']);
  t.match(unstored.of('order.completed'), [{ result: 'issued' }], 'the order itself did not fail');
});

t.test('an issuer that failed lately is passed over, unless the order is forced', async (t) => {
  const { order, asked } = setUp('ERR_ACME_TIMEOUT');
  await t.rejects(order(), { code: 'ERR_ACME_TIMEOUT' });
  await t.rejects(order(), {
    code: 'ERR_ACME_UNREACHABLE',
    message: `every issuer for "${name}" has failed lately; the last one: ca0 says no`,
    details: { retryAfterMs: 30_000, issuer: 'ca0' },
  });
  await t.rejects(order(undefined, true), { code: 'ERR_ACME_TIMEOUT' });
  t.same(asked, ['ca0', 'ca0']);
  await t.rejects(setUp().order(), { code: 'ERR_ACME_REFUSED', message: /no issuer is configured/ });
});
