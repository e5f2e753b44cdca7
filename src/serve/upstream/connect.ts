// How an upstream is reached: its addresses, the race between them, one deadline for both, and how that went so far.
// Knows no request.

import { setMaxListeners } from 'node:events';
import type { SecureContext } from 'node:tls';
import { systemClock, type Clock } from '../../core/platform/clock.ts';
import { withTimeout } from '../../core/platform/deadline.ts';
import { LinkgateError } from '../../core/errors.ts';
import type { Emit } from '../../core/events.ts';
import type { UpstreamSettings } from '../../core/settings.ts';
import type { UpstreamContact } from '../../core/upstream-contact.ts';
import { createHappyEyeballs, type Connected } from './happy-eyeballs.ts';
import { createResolveAddresses, type ResolveAddresses } from './addresses/resolve-addresses.ts';
import { createUpstreamAddresses } from './addresses/known-addresses.ts';

export type { Connected } from './happy-eyeballs.ts';

export interface UpstreamDeps {
  readonly emit?: Emit;
  /** the system's way unless told */
  readonly resolve?: ResolveAddresses;
  readonly clock?: Clock;
}

export interface UpstreamConnectOptions extends UpstreamDeps {
  readonly settings: UpstreamSettings;
  /** for the look-up of the addresses and the connection, both together */
  readonly timeoutMs: number;
  readonly secureContext: SecureContext;
}

export interface UpstreamConnect {
  /** @throws LinkgateError `ERR_UPSTREAM_UNREACHABLE` past the time, else what the resolver or the addresses said */
  connect(): Promise<Connected>;
  /** whether a kept connection to this address may carry a new request */
  isCurrent(address: string): boolean;
  contact(): UpstreamContact;
  /** ends what is under way */
  close(): void;
}

export const createUpstreamConnect = (options: UpstreamConnectOptions): UpstreamConnect => {
  const { settings, timeoutMs, secureContext, clock = systemClock } = options;
  const { emit = () => undefined, resolve = createResolveAddresses() } = options;
  const { id, serverName } = settings;
  const { hostname, port } = new URL(settings.origin);
  const addresses = createUpstreamAddresses({
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    resolve,
    onLook: (result, error) => {
      const cause = error === undefined ? {} : { cause: error.message };
      emit('upstream.resolved', { upstream: id, result, ...cause });
    },
  });
  const connectToFirst = createHappyEyeballs({
    port: port === '' ? 443 : Number(port),
    serverName,
    secureContext,
  });
  const closing = new AbortController();
  // a listener for each connection that is being made: upstream.maxConnections at most
  setMaxListeners(0, closing.signal);
  let contact: UpstreamContact = { failures: 0, failedMs: 0, connectedMs: 0 };

  const late = (): never => {
    throw new LinkgateError('ERR_UPSTREAM_UNREACHABLE', `"${hostname}" was not found in ${timeoutMs} ms`);
  };
  /** A late look-up goes on: the next request finds its addresses. */
  const found = (): Promise<readonly string[]> =>
    withTimeout(addresses.current(), { clock, limitMs: timeoutMs, late });

  return {
    connect: async () => {
      const startedMs = performance.now();
      try {
        const known = await found();
        const left = Math.max(1, timeoutMs - (performance.now() - startedMs));
        const connected = await connectToFirst(known, { timeoutMs: left, signal: closing.signal });
        contact = { ...contact, failures: 0, connectedMs: clock.now() };
        return connected;
      } catch (error) {
        contact = { ...contact, failures: contact.failures + 1, failedMs: clock.now() };
        throw error;
      }
    },
    isCurrent: (address) => addresses.isCurrent(address),
    contact: () => contact,
    close: () => closing.abort(),
  };
};
