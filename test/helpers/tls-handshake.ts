// One TLS handshake as a browser does it, over loopback, verified against a CA and a name.

import type { AddressInfo } from 'node:net';
import tls, { type PeerCertificate, type SecureContext } from 'node:tls';
import type { Test } from 'tap';
import type { Handshake } from '../../src/core/ports.ts';

export interface HandshakeTrial {
  /** what the server answers with: one context, or what door 1 says */
  readonly context?: SecureContext;
  readonly handshake?: Handshake;
  readonly servername: string;
  /** PEM of the roots the client trusts */
  readonly ca: string;
  readonly version?: 'TLSv1.2' | 'TLSv1.3';
}

/** The certificate the client was shown and has verified; rejects with the client's error otherwise. */
export const tlsHandshake = async (t: Test, trial: HandshakeTrial): Promise<PeerCertificate> => {
  const { context, handshake, servername, ca, version } = trial;
  const server = tls.createServer({
    SNICallback: (name, callback) => {
      const answer = async (): Promise<void> => {
        const found = handshake === undefined ? context : await handshake(name);
        callback(null, found);
      };
      void answer();
    },
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    const socket = tls.connect({
      host: '127.0.0.1',
      port,
      servername,
      ca,
      ...(version === undefined ? {} : { minVersion: version, maxVersion: version }),
    });
    socket.once('secureConnect', () => {
      resolve(socket.getPeerCertificate());
      socket.destroy();
    });
    socket.once('error', reject);
  });
};
