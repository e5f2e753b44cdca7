// Finds out whether a worker answers: one small request to the http listener over loopback, for a name that is never configured, so
// that it reaches no tracker. An open port proves nothing: the supervisor holds it open even when no worker lives.

import type { LookupAddress } from 'node:dns';
import { connect, type TcpNetConnectOpts } from 'node:net';
import type { ListenAddress } from '../../core/settings.ts';

/** RFC 6761 §6.4: never a configured name. OPTIONS * is about the server itself (RFC 9110 §9.3.7). */
const REQUEST = 'OPTIONS * HTTP/1.1\r\nHost: probe.invalid\r\nConnection: close\r\n\r\n';

const LOOPBACK: readonly LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

/**
 * How to reach a listener from this machine, as options of `connect` and `request`. A listener on every address is reached over
 * loopback, in the address family that this machine has.
 */
export const reach = ({ host, port }: ListenAddress): TcpNetConnectOpts =>
  host === '0.0.0.0' || host === '::'
    ? {
        host: 'localhost',
        port,
        lookup: (_name, _options, done) => done(null, [...LOOPBACK]),
        autoSelectFamily: true,
      }
    : { host, port };

/**
 * true when a worker sent a byte, or accepted the connection and closed it: a worker at its ceiling refuses, and is alive.
 * @param signal - when to give up
 */
export const answers = (address: ListenAddress, signal: AbortSignal): Promise<boolean> =>
  new Promise((resolve) => {
    if (signal.aborted) {
      resolve(false);
      return;
    }
    const socket = connect(reach(address));
    let isOpen = false;
    const end = (alive: boolean): void => {
      signal.removeEventListener('abort', late);
      socket.destroy();
      resolve(alive);
    };
    const late = (): void => end(false);
    signal.addEventListener('abort', late, { once: true });
    socket.on('connect', () => {
      isOpen = true;
      socket.write(REQUEST);
    });
    socket.on('data', () => end(true));
    socket.on('end', () => end(true));
    // a connection that was reset had been accepted
    socket.on('error', ({ code }: NodeJS.ErrnoException) => end(isOpen || code === 'ECONNRESET'));
  });
