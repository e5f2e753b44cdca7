import t from 'tap';
import { certificateId, parseRenewalInfo } from '../../../src/cert/acme/renewal-info.ts';
import { createPki } from '../../helpers/pki.ts';

// The example of RFC 9773, appendix A.
const EXAMPLE = `-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
`;

t.test('the id of the example in RFC 9773, the leading zero of the serial number kept', async (t) => {
  t.equal(certificateId(EXAMPLE), 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE');
});

t.test(
  'a certificate without an authority key identifier has no id, and other texts have none',
  async (t) => {
    t.equal(certificateId(createPki().leaf(['links.example.com']).chainPem), undefined);
    t.equal(certificateId(''), undefined);
    t.equal(certificateId('-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'), undefined);
  },
);

const suggestedWindow = { start: '2026-01-02T03:04:05Z', end: '2026-01-03T03:04:05.5+01:00' };

t.test('a window is read as RFC 3339 times; the time to ask again is bounded', async (t) => {
  const info = parseRenewalInfo({ suggestedWindow });
  t.same(info, {
    windowStartMs: Date.UTC(2026, 0, 2, 3, 4, 5),
    windowEndMs: Date.UTC(2026, 0, 3, 2, 4, 5, 500),
    retryAfterMs: 6 * 3_600_000,
  });
  t.equal(parseRenewalInfo({ suggestedWindow }, 0).retryAfterMs, 60_000);
  t.equal(parseRenewalInfo({ suggestedWindow }, 1e15).retryAfterMs, 86_400_000);
});

t.test('an explanation is a web address only', async (t) => {
  for (const explanationURL of ['javascript:alert(1)', 'https://a b', 7, `https://x/${'y'.repeat(2000)}`]) {
    t.notHas(parseRenewalInfo({ suggestedWindow, explanationURL }), { explanationUrl: explanationURL });
  }
  const explanationURL = 'https://ca.example/why';
  t.has(parseRenewalInfo({ suggestedWindow, explanationURL }), { explanationUrl: explanationURL });
});

t.test('renewal information that makes no sense is an error of the CA', async (t) => {
  const { start, end } = suggestedWindow;
  for (const window of [
    undefined,
    null,
    {},
    { start },
    { end },
    { start: end, end: start },
    { start, end: start },
  ]) {
    t.throws(() => parseRenewalInfo({ suggestedWindow: window }), { code: 'ERR_ACME_UNREACHABLE' });
  }
  t.throws(() => parseRenewalInfo(undefined), { code: 'ERR_ACME_UNREACHABLE' });
});
