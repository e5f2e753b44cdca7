import { createServer } from 'node:tls';
import t from 'tap';
import { checkCertificate } from '../../../src/doctor/checks/certificate.ts';
import type { CertificateStatus } from '../../../src/core/certificate-state.ts';
import { examine, idsOf, NAME, pki, resolverFor, type ExamineOptions } from '../../helpers/examine.ts';
import { needs } from '../../helpers/needs.ts';
import { createPki, type Leaf } from '../../helpers/pki.ts';

const HOUR_MS = 3_600_000;
const status: CertificateStatus = {
  domain: NAME,
  state: 'live',
  source: 'acme',
  issuer: 'letsencrypt',
  serial: '0a',
  notBefore: null,
  notAfter: null,
  nextAttempt: '2026-12-24T02:51:00.000Z',
  lastProblem: null,
};
const problem = {
  at: '2026-11-23T11:00:00.000Z',
  issuer: 'letsencrypt',
  type: 'urn:ietf:params:acme:error:caa',
  detail: 'CAA record prevents issuance',
  remedy: 'allow letsencrypt.org in CAA',
};

t.test('a listener that has no certificate to show', { skip: needs('named') }, async (t) => {
  const resolver = await resolverFor(t, ['links IN A 127.0.0.1']);
  const target = await examine(t, { resolver, places: [{ https: null }] });
  const bare = createServer({});
  bare.on('tlsClientError', (_error, socket) => socket.destroy());
  await new Promise<void>((resolve) => bare.listen(target.tools.ports.https, '127.0.0.1', resolve));
  t.teardown(() => bare.close());
  t.match(await checkCertificate(target), [
    {
      id: 'certificate-absent',
      level: 'red',
      what: '127.0.0.1 shows no certificate for this name',
      remedy: /certs issue/,
      evidence: [/./],
    },
  ]);
});

t.test('certificates with a fault each', { skip: needs('named') }, async (t) => {
  const resolver = await resolverFor(t, ['links IN A 127.0.0.1']);
  const check = async (options: Omit<ExamineOptions, 'resolver'>) =>
    checkCertificate(await examine(t, { resolver, ...options }));
  const leaf = (chain: Leaf) => check({ places: [{ leaf: chain }] });
  const now = Date.now();

  t.match(await check({ certificate: status }), [
    { level: 'green', what: '0 days left, next renewal 2026-12-24' },
  ]);
  t.match(await leaf(pki.leaf([NAME], { notBeforeMs: now - 2 * HOUR_MS, notAfterMs: now - HOUR_MS })), [
    {
      id: 'certificate-expired',
      evidence: [/^127\.0\.0\.1: for links\.example\.com by linkgate test root/, 'CERT_HAS_EXPIRED'],
    },
  ]);
  t.strictSame(
    idsOf(await leaf(pki.leaf([NAME], { notBeforeMs: now + HOUR_MS, notAfterMs: now + 2 * HOUR_MS }))),
    ['certificate-early'],
  );
  t.match(await leaf(pki.leaf(['www.example.org'])), [
    { id: 'certificate-name', evidence: [/www\.example\.org/, /./] },
  ]);
  t.match(await leaf(pki.leaf([NAME], { notBeforeMs: now - 9 * HOUR_MS, notAfterMs: now + HOUR_MS })), [
    { id: 'certificate-ending', level: 'amber' },
  ]);

  const below = pki.intermediate().leaf([NAME]);
  t.strictSame(idsOf(await leaf(below)), ['green'], 'leaf and intermediate');
  const cut = { ...below, chainPem: below.chainPem.replace(/(-----END CERTIFICATE-----\s*)[^]*/, '$1') };
  t.match(await leaf(cut), [{ id: 'certificate-chain', remedy: /full chain/ }]);
  t.strictSame(idsOf(await leaf(createPki().leaf([NAME]))), ['certificate-untrusted']);

  t.match(await check({ certificate: { ...status, lastProblem: problem } }), [
    {
      id: 'certificate-problem',
      what: /CAA record prevents issuance/,
      remedy: 'allow letsencrypt.org in CAA',
      evidence: [/urn:ietf:params:acme:error:caa/, 'next attempt 2026-12-24T02:51:00.000Z'],
    },
  ]);
});
