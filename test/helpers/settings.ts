// Settings for a proxy on loopback with the internal CA: what tests of supervisor and workers start from.

import { join } from 'node:path';
import type { Test } from 'tap';
import type { Settings } from '../../src/core/settings.ts';
import { tempDir } from './temp-dir.ts';
import type { Tracker } from './tracker.ts';

const ANY = { host: '127.0.0.1', port: 0 } as const;

/** `links.example.com` on ports the system chooses, forwarding to `tracker` where there is one. */
export const localSettings = (t: Test, tracker?: Tracker, change: Partial<Settings> = {}): Settings => ({
  listen: { https: ANY, http: ANY, admin: ANY },
  upstreams: [
    tracker === undefined
      ? { id: 'us', origin: 'https://127.0.0.1:9', serverName: 'e.customeriomail.com' }
      : { id: 'us', origin: tracker.url, serverName: tracker.serverName, caPem: tracker.caPem },
  ],
  upstreamUse: { connectTimeoutMs: 3_000, responseTimeoutMs: 5_000, maxConnections: 8 },
  certificates: {
    storage: { type: 'file', path: join(tempDir(t), 'certs') },
    keyType: 'ecdsa-p256',
    issuers: [{ type: 'local', name: 'local' }],
  },
  domains: [{ name: 'links.example.com', upstream: 'us', redirectHttp: false }],
  trustedProxies: [],
  log: { clicks: 'none', sampleEvery: 100 },
  drainMs: 20_000,
  workers: 1,
  ...change,
});
