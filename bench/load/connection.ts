// How the load connects: TLS 1.3, verified against the bench's CA, the same offer to every target.

import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';

export interface ConnectOptions {
  readonly port: number;
  readonly name: string;
  readonly protocol: 'http/1.1' | 'h2';
  readonly session?: Buffer;
}

export type Connect = (options: ConnectOptions) => TLSSocket;

/** nothing that the load waits for may take longer */
export const LIMIT_MS = 10_000;

/**
 * X25519 only: targets with a newer OpenSSL would else choose the hybrid with ML-KEM, which costs more, and those with an older one would not.
 */
const offer = (caPem: string): SecureContext => {
  const options = {
    ca: caPem,
    // The intermediate is trusted itself, so that verifying costs the load one signature instead of two.
    allowPartialTrustChain: true,
    minVersion: 'TLSv1.3' as const,
    ciphers: 'TLS_AES_128_GCM_SHA256',
    ecdhCurve: 'X25519',
  };
  return createSecureContext(options);
};

/** Counted by what was waited for. */
export const timeoutError = (awaited: string): Error =>
  Object.assign(new Error('timeout'), { code: `TIMEOUT-${awaited}` });

export const createConnect = (caPem: string): Connect => {
  const secureContext = offer(caPem);
  return ({ port, name, protocol, session }) => {
    const socket = connect({
      host: '127.0.0.1',
      port,
      servername: name,
      secureContext,
      ALPNProtocols: [protocol],
      timeout: LIMIT_MS,
      ...(session === undefined ? {} : { session }),
    });
    socket.setNoDelay(true);
    let phase = 'tls';
    socket.once('secureConnect', () => {
      phase = 'answer';
    });
    socket.once('timeout', () => {
      socket.destroy(timeoutError(socket.connecting ? 'connect' : phase));
    });
    return socket;
  };
};

export const errorCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : String(error);
