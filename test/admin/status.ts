import t from 'tap';
import { buildStatus } from '../../src/admin/status.ts';
import type { CertificateStatus } from '../../src/core/certificate-state.ts';

const live: CertificateStatus = {
  domain: 'a.example',
  state: 'live',
  source: 'acme',
  issuer: 'letsencrypt',
  serial: '0a',
  notBefore: '2026-01-01T00:00:00.000Z',
  notAfter: '2026-04-01T00:00:00.000Z',
  nextAttempt: '2026-03-01T00:00:00.000Z',
  lastProblem: null,
};

t.test('the shape that scripts rely on', async (t) => {
  const status = buildStatus({
    version: '1.2.3',
    startedAtMs: 0,
    ready: true,
    workers: [{ pid: 7, state: 'ready' }],
    upstreams: [
      { id: 'us', origin: 'https://e.customeriomail.com', serverName: 'e.customeriomail.com' },
      {
        id: 'eu',
        origin: 'https://e-eu.customeriomail.com',
        serverName: 'e-eu.customeriomail.com',
        caFile: '/x',
      },
      { id: 'custom', origin: 'https://t:1', serverName: 't' },
    ],
    upstreamHealthy: ({ id }) => ({ us: undefined, eu: false, custom: true })[id],
    issuers: [{ name: 'letsencrypt', healthy: true, since: null, lastProblem: null, retryAt: null }],
    domains: [
      { name: 'a.example', upstream: 'us', redirectHttp: true },
      { name: 'b.example', upstream: 'custom', redirectHttp: true },
      { name: 'c.example', upstream: 'eu', redirectHttp: false, hstsMaxAgeSeconds: 3600 },
    ],
    reload: { number: 1, at: '1970-01-01T00:00:01.000Z', problem: null, atRestart: [] },
    days: new Map([['a.example', [{ date: '1970-01-01', kinds: { click: 2 } }]]]),
    certificates: [
      { ...live, domain: 'gone.example' },
      { ...live, domain: 'c.example', state: 'expired' },
      live,
    ],
  });
  t.strictSame(JSON.parse(JSON.stringify(status)), {
    pid: process.pid,
    version: '1.2.3',
    node: process.version,
    startedAt: '1970-01-01T00:00:00.000Z',
    ready: true,
    reload: { number: 1, at: '1970-01-01T00:00:01.000Z', problem: null, atRestart: [] },
    workers: [{ pid: 7, state: 'ready' }],
    upstreams: [
      { region: 'us', url: 'https://e.customeriomail.com', healthy: true },
      { region: 'eu', url: 'https://e-eu.customeriomail.com', healthy: false },
      { region: null, url: 'https://t:1', healthy: true },
    ],
    issuers: [{ name: 'letsencrypt', healthy: true, since: null, lastProblem: null, retryAt: null }],
    domains: [
      {
        name: 'a.example',
        region: 'us',
        state: 'live',
        certificate: live,
        http: 'redirect',
        https: true,
        hstsMaxAge: null,
        days: [{ date: '1970-01-01', kinds: { click: 2 } }],
      },
      {
        name: 'b.example',
        region: null,
        state: 'pending',
        certificate: {
          domain: 'b.example',
          state: 'pending',
          source: null,
          issuer: null,
          serial: null,
          notBefore: null,
          notAfter: null,
          nextAttempt: null,
          lastProblem: null,
        },
        http: 'forward',
        https: false,
        hstsMaxAge: null,
        days: [],
      },
      {
        name: 'c.example',
        region: 'eu',
        state: 'expired',
        certificate: { ...live, domain: 'c.example', state: 'expired' },
        http: 'forward',
        https: false,
        hstsMaxAge: 3600,
        days: [],
      },
    ],
  });
});
