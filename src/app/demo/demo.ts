// `linkgate demo`: the real supervisor with real workers, an internal CA and a stand-in tracker, all on loopback and in one
// temporary folder. It needs no network, no root and no other program.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLocalIssuer } from '../../cert/local-ca/local-ca.ts';
import { systemClock } from '../../core/platform/clock.ts';
import type { ListenAddress, Settings } from '../../core/settings.ts';
import { createFileStorage } from '../../storage/file.ts';
import { startDemoTracker } from './demo-tracker.ts';
import { startSupervisor, type Supervisor } from '../supervisor/supervisor.ts';

/** RFC 2606 §3: a tracking host that belongs to nobody */
const DEMO_DOMAIN = 'links.example.com';
/** RFC 2606 §2: `.test` is nowhere in the DNS */
const TRACKER_NAME = 'tracker.linkgate.test';
const ISSUE_LIMIT_MS = 30_000;

export interface Demo {
  readonly domain: string;
  readonly addresses: Supervisor['addresses'];
  /** PEM of the demo's root */
  readonly caPem: string;
  /** the same in a file, for other programs */
  readonly caFile: string;
  stop(): Promise<void>;
}

export interface DemoOptions {
  readonly https: ListenAddress;
  readonly http: ListenAddress;
  readonly admin: ListenAddress;
  readonly logLevel: string;
}

const demoSettings = (
  options: DemoOptions,
  folder: string,
  trackerOrigin: string,
  caPem: string,
): Settings => ({
  listen: { https: options.https, http: options.http, admin: options.admin },
  upstreams: [{ id: 'custom', origin: trackerOrigin, serverName: TRACKER_NAME, caPem }],
  upstreamUse: { connectTimeoutMs: 3_000, responseTimeoutMs: 15_000, maxConnections: 128 },
  certificates: {
    storage: { type: 'file', path: join(folder, 'certs') },
    keyType: 'ecdsa-p256',
    issuers: [{ type: 'local', name: 'local' }],
  },
  domains: [{ name: DEMO_DOMAIN, upstream: 'custom', redirectHttp: false }],
  trustedProxies: [],
  log: { clicks: 'none', sampleEvery: 100 },
  drainMs: 1_000,
  workers: 1,
});

/** Resolves when the demo's name has its certificate. */
const live = async (supervisor: Supervisor): Promise<void> => {
  const issued = new AbortController();
  const off = supervisor.events.on('certificate.issued', () => issued.abort());
  if (!supervisor.isLive()) await systemClock.sleep(ISSUE_LIMIT_MS, issued.signal);
  off();
};

/** @throws LinkgateError `ERR_LISTEN_*` when a port is taken, `ERR_STORAGE_UNAVAILABLE` */
export const startDemo = async (options: DemoOptions): Promise<Demo> => {
  const folder = await mkdtemp(join(tmpdir(), 'linkgate-demo-'));
  const undo: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    const clock = systemClock;
    const storage = createFileStorage({ path: join(folder, 'certs'), clock });
    await storage.open();
    const { signal } = new AbortController();
    const issuer = createLocalIssuer({ storage, keyType: 'ecdsa-p256', clock });
    const caPem = await issuer.rootPem(signal);
    const caFile = join(folder, 'ca.pem');
    await writeFile(caFile, caPem);
    const tracker = await startDemoTracker(await issuer.obtain(TRACKER_NAME, signal));
    undo.push(() => tracker.stop());
    const settings = demoSettings(options, folder, tracker.origin, caPem);
    const supervisor = await startSupervisor({ settings, logLevel: options.logLevel });
    undo.push(() => supervisor.stop());
    await live(supervisor);
    return { domain: DEMO_DOMAIN, addresses: supervisor.addresses, caPem, caFile, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};
