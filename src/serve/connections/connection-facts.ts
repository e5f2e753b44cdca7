// What a connection says about its client, gathered once and shared by its requests.

import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Listener, TlsVersion } from '../../core/events.ts';
import { networkOf, peerAddressOf } from './ip-addresses.ts';

export interface ConnectionFacts {
  readonly listener: Listener;
  /** the peer's IP address, IPv4 as dotted quad; behind the PROXY protocol the one the proxy told */
  readonly peerAddress: string;
  /** of the peer's address, for logs */
  readonly peerNetwork: string;
  /** SNI of the handshake; false when a TLS 1.2 session was resumed; undefined on port 80 */
  readonly servername: string | false | undefined;
  readonly tls: { readonly version: TlsVersion; readonly resumed: boolean } | undefined;
  /** without a `servername` to hold them to, all requests are for the name of the first */
  pinnedName: string | undefined;
}

/** Addresses told by the PROXY protocol, by the socket it came on. */
const told = new WeakMap<Socket, string>();

/** Remembers the client's address of a connection that came through a proxy. */
export const tellPeerAddress = (socket: Socket, address: string): void => {
  told.set(socket, address);
};

/** Node's TLSSocket keeps the socket it wraps; it has no public name for it. */
const PARENT = '_parent';
/** The accepted socket under a TLS connection. */
export const rawSocketOf = (socket: Socket): Socket =>
  (socket as Socket & { [PARENT]?: Socket | null })[PARENT] ?? socket;

export const connectionFacts = (listener: Listener, socket: Socket): ConnectionFacts => {
  const secure = listener === 'https' ? (socket as TLSSocket & { servername?: string | false }) : undefined;
  const peerAddress = told.get(rawSocketOf(socket)) ?? peerAddressOf(socket.remoteAddress);
  return {
    listener,
    peerAddress,
    peerNetwork: networkOf(peerAddress),
    servername: secure === undefined ? undefined : (secure.servername ?? false),
    tls:
      secure === undefined
        ? undefined
        : { version: secure.getProtocol() as TlsVersion, resumed: secure.isSessionReused() },
    pinnedName: undefined,
  };
};
