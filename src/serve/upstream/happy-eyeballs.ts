// One connection to an upstream, over the first of its addresses that answers (RFC 8305 §5): each address gets a head start over
// the next one, and the losers are closed. Verified TLS under the upstream's own name. Knows no request.

import type { OnReadOpts } from 'node:net';
import { connect as tlsConnect, type ConnectionOptions, type SecureContext, type TLSSocket } from 'node:tls';
import { LinkgateError } from '../../core/errors.ts';
import { SocketReads } from './socket-reads.ts';

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
  readonly reads: SocketReads;
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

/** RFC 8305 §8: the recommended head start of an address before the next one is tried as well. */
const HEAD_START_MS = 250;
/** An address that failed, or was overtaken, is tried last for this long. */
const AVOID_MS = 60_000;

/** What is remembered from one race to the next: the TLS session, and addresses that failed. */
class Attempts {
  readonly #options: HappyEyeballsOptions;
  /** address → when it may come first again; never more than the addresses of the last answers */
  readonly #avoided = new Map<string, number>();
  #session: Buffer | undefined;

  constructor(options: HappyEyeballsOptions) {
    this.#options = options;
  }

  #nowMs(): number {
    return this.#options.nowMs?.() ?? performance.now();
  }

  avoid(address: string): void {
    this.#avoided.set(address, this.#nowMs() + AVOID_MS);
  }

  prefer(address: string): void {
    this.#avoided.delete(address);
  }

  /** A session that did not help is not offered again: Node checks no name when it is resumed. */
  forgetSession(): void {
    this.#session = undefined;
  }

  inOrder(addresses: readonly string[]): string[] {
    const now = this.#nowMs();
    for (const [address, untilMs] of this.#avoided) if (untilMs <= now) this.#avoided.delete(address);
    const rank = (address: string): number => (this.#avoided.has(address) ? 1 : 0);
    return addresses.toSorted((a, b) => rank(a) - rank(b));
  }

  open(address: string): Connected {
    const { port, serverName, secureContext } = this.#options;
    const reads = new SocketReads();
    const to: ConnectionOptions & { readonly onread: OnReadOpts } = {
      host: address,
      port,
      servername: serverName,
      secureContext,
      ALPNProtocols: ['http/1.1'],
      onread: reads.onread,
      ...(this.#session === undefined ? {} : { session: this.#session }),
    };
    const socket = tlsConnect(to);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    reads.attach(socket);
    // told by Node of a connection whose certificate was good, and of no other
    socket.on('session', (fresh: Buffer) => {
      this.#session = fresh;
    });
    return { socket, reads, address };
  }
}

/** One race of the addresses for one connection. */
class Race {
  readonly #attempts: Attempts;
  readonly #waiting: string[];
  readonly #trying = new Map<TLSSocket, string>();
  readonly #errors: Error[] = [];
  #headStart: NodeJS.Timeout | undefined;
  #done: (outcome: Connected | Error) => void = () => undefined;

  constructor(attempts: Attempts, addresses: readonly string[]) {
    this.#attempts = attempts;
    this.#waiting = attempts.inOrder(addresses);
  }

  run({ timeoutMs, signal }: ConnectBounds, serverName: string): Promise<Connected> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void =>
        this.#done(new LinkgateError('ERR_UPSTREAM_UNREACHABLE', 'upstream is closing'));
      const deadline = setTimeout(() => {
        for (const address of this.#trying.values()) this.#attempts.avoid(address);
        const message = `"${serverName}" could not be connected to in ${timeoutMs} ms`;
        const [cause] = this.#errors;
        this.#done(new LinkgateError('ERR_UPSTREAM_UNREACHABLE', message, { cause }));
      }, timeoutMs);
      this.#done = (outcome) => {
        clearTimeout(deadline);
        signal.removeEventListener('abort', onAbort);
        this.#end(outcome instanceof Error ? undefined : outcome.socket);
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      };
      if (signal.aborted) {
        onAbort();
        return;
      }
      signal.addEventListener('abort', onAbort, { once: true });
      this.#next();
    });
  }

  /** Closes the losers. */
  #end(winner?: TLSSocket): void {
    clearTimeout(this.#headStart);
    this.#waiting.length = 0;
    for (const socket of this.#trying.keys()) {
      if (socket !== winner) socket.removeAllListeners('secureConnect').destroy();
    }
    this.#trying.clear();
  }

  #next(): void {
    clearTimeout(this.#headStart);
    const address = this.#waiting.shift();
    if (address === undefined) return;
    const connected = this.#attempts.open(address);
    const { socket } = connected;
    this.#trying.set(socket, address);
    socket.once('secureConnect', () => this.#won(connected));
    // it stays for good: a loser's error comes after it lost, and the winner has a listener of its own then
    socket.on('error', (error: Error) => this.#failed(socket, address, error));
    if (this.#waiting.length > 0) this.#headStart = setTimeout(() => this.#next(), HEAD_START_MS);
  }

  #won(connected: Connected): void {
    const { socket, address } = connected;
    // those that began before it and are not connected yet
    for (const [other, slow] of this.#trying) {
      if (other === socket) break;
      this.#attempts.avoid(slow);
    }
    this.#attempts.prefer(address);
    this.#done(connected);
  }

  #failed(socket: TLSSocket, address: string, error: Error): void {
    if (!this.#trying.delete(socket)) return;
    this.#attempts.avoid(address);
    this.#attempts.forgetSession();
    this.#errors.push(error);
    if (this.#waiting.length > 0) this.#next();
    else if (this.#trying.size === 0) {
      const [only] = this.#errors;
      this.#done(this.#errors.length === 1 && only !== undefined ? only : failures(this.#errors));
    }
  }
}

export const createHappyEyeballs = (options: HappyEyeballsOptions): ConnectToFirst => {
  const attempts = new Attempts(options);
  return (addresses, bounds) => new Race(attempts, addresses).run(bounds, options.serverName);
};

const failures = (errors: readonly Error[]): AggregateError =>
  new AggregateError(errors, errors.map(({ message }) => message).join('; '));
