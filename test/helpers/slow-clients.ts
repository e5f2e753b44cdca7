// Thousands of clients that say nothing, or half of something, in a process of their own: they open, wait, and note
// when the worker closes them. From many source addresses, so that the ceiling of one address does not hide them.

import { connect, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { pause } from './pause.ts';

export const slowClients = fileURLToPath(import.meta.url);

export const SLOW_KINDS = ['silent-443', 'silent-80', 'half-hello', 'half-head', 'tls-silent'] as const;
export type SlowKind = (typeof SLOW_KINDS)[number];

/** The message to the child. */
export interface SlowClientsOptions {
  readonly httpsPort: number;
  readonly httpPort: number;
  readonly domain: string;
  readonly ca: string;
  readonly counts: Readonly<Record<SlowKind, number>>;
  readonly perSecond: number;
}

/** Messages from the child: all are open, then all are gone. */
export interface SlowClientsReport {
  readonly state: 'open' | 'gone';
  /** longest and shortest life of each kind, milliseconds from its start (or its handshake's end) to the worker's close */
  readonly lives: Readonly<Partial<Record<SlowKind, { longest: number; shortest: number }>>>;
  /** connections that could not be opened, or whose handshake failed */
  readonly failed: number;
}

const PER_ADDRESS = 200;
const HALF: Readonly<Partial<Record<SlowKind, string>>> = {
  'half-hello': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  'half-head': 'GET /e/c/x HTTP/1.1\r\nHost: links.exam',
};

const run = async (options: SlowClientsOptions): Promise<void> => {
  const { httpsPort, httpPort, domain, ca, counts, perSecond } = options;
  const lives: Partial<Record<SlowKind, { longest: number; shortest: number }>> = {};
  let failed = 0;
  const open = (kind: SlowKind, localAddress: string): { ready: Promise<void>; gone: Promise<void> } => {
    let started = performance.now();
    const port = kind === 'silent-80' || kind === 'half-head' ? httpPort : httpsPort;
    const raw = connect({ host: '127.0.0.1', port, localAddress });
    const socket: Socket = kind === 'tls-silent' ? tlsConnect({ socket: raw, servername: domain, ca }) : raw;
    let isReady = false;
    socket.on('error', () => undefined);
    socket.resume();
    const ready = new Promise<void>((resolve) => {
      socket.once(kind === 'tls-silent' ? 'secureConnect' : 'connect', () => {
        isReady = true;
        // an established connection has its time from then on
        if (kind === 'tls-silent') started = performance.now();
        const half = HALF[kind];
        if (half !== undefined) socket.write(half, 'latin1');
        resolve();
      });
      socket.once('close', resolve);
    });
    const gone = new Promise<void>((resolve) => {
      socket.once('close', () => {
        const ms = performance.now() - started;
        const { longest, shortest } = lives[kind] ?? { longest: 0, shortest: Infinity };
        lives[kind] = { longest: Math.max(longest, ms), shortest: Math.min(shortest, ms) };
        if (!isReady) failed += 1;
        resolve();
      });
    });
    return { ready, gone };
  };
  // kinds mixed, so that each moment has some of all
  const left = { ...counts };
  const order: SlowKind[] = [];
  while (SLOW_KINDS.some((kind) => left[kind] > 0))
    for (const kind of SLOW_KINDS) if (left[kind]-- > 0) order.push(kind);
  const clients: ReturnType<typeof open>[] = [];
  const started = performance.now();
  for (const [i, kind] of order.entries()) {
    clients.push(open(kind, `127.0.1.${1 + Math.floor(i / PER_ADDRESS)}`));
    const early = started + (i / perSecond) * 1_000 - performance.now();
    if (early > 10) await pause(early);
  }
  const report = (state: SlowClientsReport['state']): void => {
    const message: SlowClientsReport = { state, lives, failed };
    process.send?.(message);
  };
  await Promise.all(clients.map(({ ready }) => ready));
  report('open');
  await Promise.all(clients.map(({ gone }) => gone));
  report('gone');
};

if (process.argv[1] === slowClients) {
  process.once('message', (options) => void run(options as SlowClientsOptions));
  process.on('disconnect', () => process.exit());
}
