// Whether a gate answers: one small request to the http listener over loopback, for a name that nobody has configured. It
// reaches no tracker. A port that is open proves nothing: the keeper holds it open even when no gate lives.

import { connect } from 'node:net';
import type { ListenAddress } from '../core/settings.ts';

/** RFC 6761 §6.4: never a configured name. OPTIONS * is about the server itself (RFC 9110 §9.3.7). */
const REQUEST = 'OPTIONS * HTTP/1.1\r\nHost: probe.invalid\r\nConnection: close\r\n\r\n';

/** Where a listener is reached from this machine: every address means loopback too. */
export const reachableHost = (host: string): string => {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
};

/**
 * true once a gate sent anything, or took the connection and ended it: one at its ceiling refuses, and lives.
 * @param signal - when to give up
 */
export const answers = ({ host, port }: ListenAddress, signal: AbortSignal): Promise<boolean> =>
  new Promise((resolve) => {
    if (signal.aborted) {
      resolve(false);
      return;
    }
    const socket = connect({ host: reachableHost(host), port });
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
    // one that is reset was accepted, be it before we saw it
    socket.on('error', ({ code }: NodeJS.ErrnoException) => end(isOpen || code === 'ECONNRESET'));
  });
