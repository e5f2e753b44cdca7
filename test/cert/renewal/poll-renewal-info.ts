import t from 'tap';
import type { StoredCertificate } from '../../../src/cert/state/store.ts';
import { pollRenewalInfo } from '../../../src/cert/renewal/poll-renewal-info.ts';
import { LinkgateError } from '../../../src/core/errors.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';

const HOUR = 3_600_000;
const certificate: StoredCertificate = {
  domain: 'a.example.com',
  source: 'acme',
  issuer: 'test-ca',
  keyPem: 'secret',
  chainPem: 'chain',
  serial: '01',
  fingerprint: 'aa',
  notBeforeMs: 0,
  notAfterMs: 1,
};
const clock = fakeClock();
const store = { read: async () => certificate };
const { signal } = new AbortController();

t.test('the window and when to ask again', async (t) => {
  const info = {
    windowStartMs: 5.5,
    windowEndMs: 9,
    retryAfterMs: 6 * HOUR,
    explanationUrl: 'https://ca.example/why',
  };
  t.same(
    await pollRenewalInfo({ store, renewalInfo: async () => info, clock, signal }, certificate, undefined),
    {
      fingerprint: 'aa',
      windowStartMs: 6,
      windowEndMs: 9,
      askAgainMs: clock.now() + 6 * HOUR,
      explanationUrl: 'https://ca.example/why',
    },
  );
});

t.test('a CA without a window is asked again in six hours', async (t) => {
  const renewalInfo = async () => undefined;
  t.same(await pollRenewalInfo({ store, renewalInfo, clock, signal }, certificate, undefined), {
    fingerprint: 'aa',
    windowStartMs: 0,
    windowEndMs: 0,
    askAgainMs: clock.now() + 6 * HOUR,
  });
});

t.test('a CA that cannot be asked is asked again in an hour, and its last window stays', async (t) => {
  const renewalInfo = async () => {
    throw new LinkgateError('ERR_ACME_UNREACHABLE', 'down');
  };
  const last = { fingerprint: 'aa', windowStartMs: 5, windowEndMs: 9, askAgainMs: 3 };
  const askAgainMs = clock.now() + HOUR;
  t.same(await pollRenewalInfo({ store, renewalInfo, clock, signal }, certificate, last), {
    ...last,
    askAgainMs,
  });
  t.match(
    await pollRenewalInfo({ store, renewalInfo, clock, signal }, certificate, { ...last, fingerprint: 'bb' }),
    { fingerprint: 'aa', windowStartMs: 0, askAgainMs },
    'but not the one for another certificate',
  );
});

t.test('a certificate that was replaced meanwhile is not asked about', async (t) => {
  const other = { ...certificate, fingerprint: 'bb' };
  const renewalInfo = t.fail.bind(t, 'asked') as never;
  t.equal(await pollRenewalInfo({ store, renewalInfo, clock, signal }, other, undefined), undefined);
});
