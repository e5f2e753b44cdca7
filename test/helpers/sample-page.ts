// The admin port with a page of made-up domains on it, each in another state: what its tests look at, and what the pictures in the docs
// show. The same at every start.

import { createAccess } from '../../src/admin/access.ts';
import { createPage } from '../../src/admin/page/page.ts';
import { createRecentEvents, type RecentEvents } from '../../src/admin/recent-events.ts';
import { AdminServer } from '../../src/admin/server.ts';
import { buildStatus, type Status } from '../../src/admin/status.ts';
import { SAMPLE_MS, SAMPLES, type Sample } from '../../src/admin/traffic.ts';
import { holdSocket } from '../../src/app/supervisor/held-socket.ts';
import type { CertificateStatus } from '../../src/core/certificate-state.ts';
import { createEventBus, type EventBus } from '../../src/core/events.ts';
import type { DomainSettings, ListenAddress } from '../../src/core/settings.ts';

export const NOW_MS = Date.UTC(2026, 10, 23, 14, 3, 20);
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const at = (ms: number): string => new Date(NOW_MS + ms).toISOString();

const certificate = (
  domain: string,
  ageDays: number,
  change: Partial<CertificateStatus> = {},
): CertificateStatus => ({
  domain,
  state: 'live',
  source: 'acme',
  issuer: 'letsencrypt',
  serial: '0a',
  notBefore: at(-ageDays * DAY_MS),
  notAfter: at((90 - ageDays) * DAY_MS + HOUR_MS),
  nextAttempt: at((60 - ageDays) * DAY_MS + HOUR_MS),
  lastProblem: null,
  ...change,
});

const without = { source: null, issuer: null, serial: null, notBefore: null, notAfter: null } as const;

const problem = (type: string, detail: string, remedy: string) => ({
  at: at(-4 * 60_000),
  issuer: 'letsencrypt',
  type,
  detail,
  remedy,
});

const ACME = 'urn:ietf:params:acme:error:';

const CERTIFICATES: readonly CertificateStatus[] = [
  certificate('links.acme.com', 12),
  certificate('click.northwind.example', 29),
  certificate('go.blue-heron.example', 3),
  certificate('e.tidewater.example', 44, {
    lastProblem: problem(
      `${ACME}rateLimited`,
      'too many certificates (5) already issued for this exact set of domains in the last 168h0m0s',
      'the CA limits its orders; linkgate tries again at the time that the CA gave',
    ),
    nextAttempt: at(5 * HOUR_MS),
  }),
  certificate('news.orchard.example', 0, {
    ...without,
    state: 'failing',
    nextAttempt: at(6 * 60_000),
    lastProblem: problem(
      `${ACME}connection`,
      '203.0.113.7: Fetching http://news.orchard.example/.well-known/acme-challenge/Xk: Timeout during connect (likely firewall problem)',
      'the CA could not check this name: see that its DNS records, and ports 80 and 443, lead here',
    ),
  }),
  certificate('mail.lantern.example', 0, { ...without, state: 'pending', nextAttempt: at(20_000) }),
  certificate('links.oldmill.example', 70, { source: 'import', issuer: 'corporate-ca', nextAttempt: null }),
];

const settingsOf = ({ domain }: CertificateStatus): DomainSettings => ({
  name: domain,
  upstream: domain.startsWith('click.') ? 'eu' : 'us',
  redirectHttp: domain.startsWith('go.'),
  ...(domain.startsWith('links.oldmill') ? { hstsMaxAgeSeconds: 31_536_000 } : {}),
});

/** @param certificates - one domain each */
export const sampleStatus = (certificates: readonly CertificateStatus[] = CERTIFICATES): Status => ({
  ...buildStatus({
    version: '0.1.0',
    startedAtMs: NOW_MS - 9 * DAY_MS,
    ready: true,
    workers: [
      { pid: 812, state: 'ready' },
      { pid: 813, state: 'ready' },
    ],
    upstreams: [
      { id: 'us', origin: 'https://e.customeriomail.com', serverName: 'e.customeriomail.com' },
      { id: 'eu', origin: 'https://e-eu.customeriomail.com', serverName: 'e-eu.customeriomail.com' },
    ],
    upstreamHealthy: () => true,
    issuers: [
      { name: 'letsencrypt', healthy: true, since: null, lastProblem: null, retryAt: null },
      {
        name: 'zerossl',
        healthy: false,
        since: at(-HOUR_MS),
        lastProblem: problem(
          'ERR_ACME_UNREACHABLE',
          'GET https://acme.zerossl.com/v2/DV90 failed with 503',
          '',
        ),
        retryAt: at(90_000),
      },
    ],
    domains: certificates.map(settingsOf),
    reload: null,
    days: new Map(),
    certificates,
  }),
  node: 'v24.11.0',
});

/** Very many names, three of which fail. */
export const manyCertificates = (number: number): readonly CertificateStatus[] =>
  Array.from({ length: number }, (_, index) => {
    const name = `links${index}.example.com`;
    return index % Math.ceil(number / 3) === 7
      ? certificate(name, 0, {
          ...without,
          state: 'failing',
          lastProblem: problem(`${ACME}dns`, 'NXDOMAIN', ''),
        })
      : certificate(name, index % 60);
  });

/** Between -1 and 1, the same for the same number. */
const noise = (seed: number): number => {
  const wild = Math.sin(seed * 127.1) * 43_758.5453;
  return (wild - Math.floor(wild)) * 2 - 1;
};

/** An ordinary hour, with a mailing in it. */
const sampleTraffic = (): readonly Sample[] =>
  Array.from({ length: SAMPLES }, (_, index) => {
    const since = index - 88;
    const mailing = since < 0 ? 0 : 52 * Math.exp(-since / 48) * Math.min(1, since / 5);
    const perSecond = 9 + Math.sin(index / 31) * 2.5 + mailing + noise(index) * (1.2 + mailing / 14);
    const medianMs = 37 + mailing / 7 + noise(index + 0.3) * 2.2;
    const spike = since === 3 || index === 171 ? 60 : 0;
    return {
      atMs: NOW_MS - (SAMPLES - index) * SAMPLE_MS + 9_000,
      perSecond,
      medianMs,
      slowMs: medianMs * 2.1 + (noise(index + 0.7) + 1) * 14 + spike,
    };
  });

/** What happened, told as it is in the program. */
const tellEvents = (clock: { ms: number }, { emit }: EventBus): void => {
  const issued = { issuer: 'letsencrypt', serial: '0a', durationMs: 9_000 };
  clock.ms = NOW_MS - 27 * HOUR_MS;
  emit('certificate.issued', {
    ...issued,
    domain: 'links.acme.com',
    notAfterMs: NOW_MS + 78 * DAY_MS,
    isFirst: false,
  });
  clock.ms = NOW_MS - 5 * HOUR_MS;
  emit('worker.exited', { pid: 790, exitCode: null, signal: 'SIGKILL', expected: false });
  clock.ms = NOW_MS - 3 * HOUR_MS;
  emit('settings.reloaded', { domains: 7, changed: 2, removed: 0, atRestart: [] });
  clock.ms = NOW_MS - 2.9 * HOUR_MS;
  emit('certificate.issued', {
    ...issued,
    domain: 'go.blue-heron.example',
    notAfterMs: NOW_MS + 87 * DAY_MS,
  });
  clock.ms = NOW_MS - 4 * 60_000;
  emit('certificate.failed', {
    domain: 'news.orchard.example',
    issuer: 'letsencrypt',
    code: 'ERR_ACME_UNAUTHORIZED',
    detail: 'Timeout during connect (likely firewall problem)',
    nextAttemptMs: NOW_MS,
  });
};

export interface SamplePage {
  readonly url: string;
  readonly address: ListenAddress;
  /** what the page shows from the next look on */
  show(status: Status): void;
  readonly bus: EventBus;
  readonly events: RecentEvents;
  readonly errors: readonly unknown[];
  stop(): Promise<void>;
}

export const startSamplePage = async (first = sampleStatus()): Promise<SamplePage> => {
  let status = first;
  const errors: unknown[] = [];
  const clock = { ms: NOW_MS };
  const bus = createEventBus((_name, error) => errors.push(error));
  const events = createRecentEvents(bus, { now: () => clock.ms });
  tellEvents(clock, bus);
  clock.ms = NOW_MS;
  const samples = sampleTraffic();
  let laterMs = 0;
  const page = createPage({
    status: async () => status,
    traffic: { samples: () => samples },
    events,
    clock: { now: () => NOW_MS + laterMs },
  });
  const socket = holdSocket('admin', { host: '127.0.0.1', port: 0 });
  const server = new AdminServer({
    socket,
    access: createAccess({ now: Date.now }),
    metrics: async () => ({ type: 'text/plain', text: '' }),
    ready: () => true,
    status: async () => status,
    pages: page.pages,
    streams: page.streams,
    onError: (error) => errors.push(error),
  });
  await server.start();
  return {
    url: `http://127.0.0.1:${socket.address.port}`,
    address: socket.address,
    show: (next) => {
      status = next;
      // a status is kept for a second
      laterMs += 2_000;
    },
    bus,
    events,
    errors,
    stop: async () => {
      page.stop();
      events.stop();
      await server.stop(0);
    },
  };
};
