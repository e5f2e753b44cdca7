import t from 'tap';
import { certificateState, certificateStatus } from '../../../src/cert/renewal/certificate-status.ts';
import { renewAtMs } from '../../../src/cert/renewal/plan.ts';

const HOUR = 3_600_000;
const certificate = {
  domain: 'links.example.com',
  source: 'acme',
  issuer: 'letsencrypt',
  serial: '0a',
  fingerprint: 'ff',
  notBeforeMs: 0,
  notAfterMs: 90 * HOUR,
} as const;
const lastProblem = { at: 'at', issuer: 'letsencrypt', type: 'type', detail: 'detail', remedy: 'remedy' };
const failed = { failures: 1, nextAttemptMs: 10 * HOUR, lastIssuedMs: 0, lastProblem };
const base = { domain: 'links.example.com', certificate: undefined, state: undefined, nowMs: HOUR };

t.test('how a name stands', async (t) => {
  t.equal(certificateState(base), 'pending');
  t.equal(certificateState({ ...base, state: { ...failed, failures: 0 } }), 'pending');
  t.equal(certificateState({ ...base, state: failed }), 'failing');
  t.equal(
    certificateState({ ...base, certificate, state: failed }),
    'live',
    'a failed renewal is still live',
  );
  t.equal(certificateState({ ...base, certificate, nowMs: 90 * HOUR - 1 }), 'live');
  t.equal(certificateState({ ...base, certificate, nowMs: 90 * HOUR }), 'expired');
});

t.test('a row has every key, null where nothing is known', async (t) => {
  t.same(certificateStatus(base), {
    domain: 'links.example.com',
    state: 'pending',
    source: null,
    issuer: null,
    serial: null,
    notBefore: null,
    notAfter: null,
    nextAttempt: '1970-01-01T01:00:00.000Z',
    lastProblem: null,
  });
  t.same(certificateStatus({ ...base, certificate }), {
    domain: 'links.example.com',
    state: 'live',
    source: 'acme',
    issuer: 'letsencrypt',
    serial: '0a',
    notBefore: '1970-01-01T00:00:00.000Z',
    notAfter: '1970-01-04T18:00:00.000Z',
    nextAttempt: new Date(renewAtMs(certificate, undefined, HOUR)).toISOString(),
    lastProblem: null,
  });
  const failing = certificateStatus({ ...base, state: failed });
  t.match(failing, { state: 'failing', nextAttempt: '1970-01-01T10:00:00.000Z', lastProblem });
});

t.test('a removed domain, and one whose certificate was imported, have no next attempt', async (t) => {
  const imported = { ...certificate, source: 'import' } as const;
  t.match(certificateStatus({ ...base, certificate: imported }), { state: 'live', nextAttempt: null });
  t.match(certificateStatus({ ...base, certificate: imported, nowMs: 91 * HOUR }), {
    state: 'expired',
    nextAttempt: null,
  });
  const removed = { ...base, certificate, isRemoved: true };
  t.match(certificateStatus(removed), { state: 'retired', serial: '0a', nextAttempt: null });
});
