// One connection to an upstream, over whichever of its addresses answers first (RFC 8305 §5): each gets a head start,
// none is waited for, the losers are closed. Verified TLS under the upstream's own name; knows no request.

import { connect as tlsConnect, type ConnectionOptions, type SecureContext, type TLSSocket } from 'node:tls';
import { LinkgateError } from '../../core/errors.ts';

export interface HappyEyeballsOptions {
  readonly port: number;
  /** sent as SNI and verified in the certificate */
  readonly serverName: string;
  /** made once: given as `ca`, 150 roots would be parsed again for each connection */
  readonly secureContext: SecureContext;
  /** performance.now unless told */
  readonly nowMs?: () => number;
}

/** A socket whose handshake is done and whose certificate is good. */
export interface Connected {
  readonly socket: TLSSocket;
  /** the one of `addresses` it goes to */
  readonly address: string;
}

export interface ConnectBounds {
  /** over all addresses, TLS included */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * @param addresses - at least one, in the order in which they are tried
 * @throws LinkgateError `ERR_UPSTREAM_UNREACHABLE` past the time; else the error of the one address, or an AggregateError
 */
export type ConnectToFirst = (addresses: readonly string[], bounds: ConnectBounds) => Promise<Connected>;

/** RFC 8305 §8: the recommended head start of an address before the next is tried beside it. */
const HEAD_START_MS = 250;
/** An address that failed, or was overtaken, goes to the end of the line for so long. */
const AVOID_MS = 60_000;

export const createHappyEyeballs = (options: HappyEyeballsOptions): ConnectToFirst => {
  const { port, serverName, secureContext, nowMs = () => performance.now() } = options;
  /** address → when it may come first again; never more than the addresses of the last answers */
  const avoided = new Map<string, number>();
  let session: Buffer | undefined;

  const avoid = (address: string): void => void avoided.set(address, nowMs() + AVOID_MS);
  const inOrder = (addresses: readonly string[]): string[] => {
    const now = nowMs();
    for (const [address, untilMs] of avoided) if (untilMs <= now) avoided.delete(address);
    const isAvoided = (address: string): number => (avoided.has(address) ? 1 : 0);
    return addresses.toSorted((a, b) => isAvoided(a) - isAvoided(b));
  };

  const open = (address: string): TLSSocket => {
    const to: ConnectionOptions & { readonly highWaterMark: number } = {
      host: address,
      port,
      servername: serverName,
      secureContext,
      ALPNProtocols: ['http/1.1'],
      highWaterMark: 16 * 1024,
      ...(session === undefined ? {} : { session }),
    };
    const socket = tlsConnect(to);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    socket.on('session', (fresh: Buffer) => {
      session = fresh;
    });
    return socket;
  };

  return (addresses, { timeoutMs, signal }) =>
    new Promise((resolve, reject) => {
      const waiting = inOrder(addresses);
      const trying = new Map<TLSSocket, string>();
      const errors: Error[] = [];
      let headStart: NodeJS.Timeout | undefined;

      const settle = (winner?: TLSSocket): void => {
        clearTimeout(headStart);
        clearTimeout(deadline);
        signal.removeEventListener('abort', onAbort);
        waiting.length = 0;
        for (const socket of trying.keys()) {
          if (socket === winner) continue;
          socket.removeAllListeners('secureConnect').destroy();
        }
        trying.clear();
      };
      const next = (): void => {
        clearTimeout(headStart);
        const address = waiting.shift();
        if (address === undefined) return;
        const socket = open(address);
        trying.set(socket, address);
        socket.once('secureConnect', () => {
          // those that began before it and are not there yet
          for (const [other, slow] of trying) {
            if (other === socket) break;
            avoid(slow);
          }
          avoided.delete(address);
          settle(socket);
          resolve({ socket, address });
        });
        // for good: a loser's error comes after it lost, and the winner has its own listener then
        socket.on('error', (error: Error) => {
          if (!trying.delete(socket)) return;
          avoid(address);
          // were it the session's fault, the next one must not meet it again
          session = undefined;
          errors.push(error);
          if (waiting.length > 0) next();
          else if (trying.size === 0) {
            settle();
            const [only] = errors;
            reject(errors.length === 1 && only !== undefined ? only : failures(errors));
          }
        });
        if (waiting.length > 0) headStart = setTimeout(next, HEAD_START_MS);
      };
      const onAbort = (): void => {
        settle();
        reject(new LinkgateError('ERR_UPSTREAM_UNREACHABLE', 'upstream is closing'));
      };
      const deadline = setTimeout(() => {
        for (const address of trying.values()) avoid(address);
        settle();
        const message = `"${serverName}" could not be connected to in ${timeoutMs} ms`;
        reject(new LinkgateError('ERR_UPSTREAM_UNREACHABLE', message, { cause: errors[0] }));
      }, timeoutMs);
      if (signal.aborted) {
        onAbort();
        return;
      }
      signal.addEventListener('abort', onAbort, { once: true });
      next();
    });
};

const failures = (errors: readonly Error[]): AggregateError =>
  new AggregateError(errors, errors.map(({ message }) => message).join('; '));
