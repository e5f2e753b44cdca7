// The public listeners in a process of their own, forked by tests that measure them: what the test does itself must
// not take its time. Sends its ports once, then the number of open connections whenever it is asked.

import type { AddressInfo, Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import { fileURLToPath } from 'node:url';
import type { Limits, UpstreamUse } from '../../src/core/settings.ts';
import { createListeners, type Listeners } from '../../src/serve/listeners.ts';
import type { Leaf } from './pki.ts';
import type { Tracker } from './tracker.ts';

export const workerChild = fileURLToPath(import.meta.url);

/** First message to the child. */
export interface WorkerChildOptions {
  readonly domain: string;
  readonly leaf: Pick<Leaf, 'keyPem' | 'chainPem'>;
  readonly tracker: Pick<Tracker, 'url' | 'serverName' | 'caPem'>;
  readonly limits: Partial<Limits>;
  readonly upstreamUse?: Partial<UpstreamUse>;
}

/** Every message from the child. */
export interface WorkerChildReport {
  readonly httpsPort: number;
  readonly httpPort: number;
  readonly connections: number;
  /** longest life so far, from accept to close */
  readonly lives: { readonly longestMs: number };
}

const listen = (server: Listeners['https']): Promise<number> =>
  new Promise((resolve) => {
    // what the system drops before it was accepted, its client may take for open for ever
    const options = { port: 0, host: '127.0.0.1', backlog: 4_096 };
    server.listen(options, () => resolve((server.address() as AddressInfo).port));
  });

const run = async ({ domain, leaf, tracker, limits, upstreamUse }: WorkerChildOptions): Promise<void> => {
  const context = createSecureContext({ key: leaf.keyPem, cert: leaf.chainPem });
  const listeners = createListeners({
    findDomain: (name) => (name === domain ? { name, upstream: 'us', redirectHttp: false } : undefined),
    handshake: (name) => (name === domain ? context : undefined),
    answerChallenge: () => Promise.resolve(undefined),
    emit: () => undefined,
    settings: {
      upstreams: [{ id: 'us', origin: tracker.url, serverName: tracker.serverName, caPem: tracker.caPem }],
      upstreamUse: { connectTimeoutMs: 5_000, responseTimeoutMs: 10_000, maxConnections: 64, ...upstreamUse },
      limits,
    },
  });
  const [httpsPort, httpPort] = [await listen(listeners.https), await listen(listeners.http)];
  let lives: WorkerChildReport['lives'] = { longestMs: 0 };
  for (const server of [listeners.https, listeners.http])
    server.on('connection', (socket: Socket) => {
      const since = performance.now();
      socket.on('close', () => {
        lives = { longestMs: Math.max(lives.longestMs, performance.now() - since) };
      });
    });
  const report = (): void => {
    const message: WorkerChildReport = { httpsPort, httpPort, connections: listeners.connections(), lives };
    process.send?.(message);
  };
  process.on('message', report);
  report();
};

if (process.argv[1] === workerChild) {
  process.once('message', (options) => void run(options as WorkerChildOptions));
  process.on('disconnect', () => process.exit());
}
