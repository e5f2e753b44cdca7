// Facts about a connection and its client, collected once and shared by its requests.

import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Listener, TlsVersion } from '../../core/events.ts';
import { networkOf, peerAddressOf } from './ip-addresses.ts';

export interface ConnectionFacts {
  readonly listener: Listener;
  /** the peer's IP address, IPv4 as dotted quad; with the PROXY protocol the address that the proxy gave */
  readonly peerAddress: string;
  /** network of the peer's address, for logs */
  readonly peerNetwork: string;
  /** SNI of the ClientHello; false when a TLS 1.2 session was resumed and its ClientHello has no name; undefined on port 80 */
  readonly servername: string | false | undefined;
  readonly tls: { readonly version: TlsVersion; readonly resumed: boolean } | undefined;
  /** the name of the first request: when there is no `servername`, all requests must be for this name */
  pinnedName: string | undefined;
}

/** Addresses from the PROXY protocol, by socket. */
const proxied = new WeakMap<Socket, string>();

/** Remembers the address of a client behind a proxy. */
export const setPeerAddress = (socket: Socket, address: string): void => {
  proxied.set(socket, address);
};

/** The names in ClientHellos, by socket. */
const helloNames = new WeakMap<Socket, string>();

/** Remembers the server name of a ClientHello: for a resumed session of TLS 1.2 Node tells none. */
export const setHelloName = (socket: Socket, name: string): void => {
  helloNames.set(socket, name);
};

/** Node's TLSSocket has no public name for the socket that it wraps. */
const PARENT = '_parent';
/** The accepted socket under a TLS connection. */
export const rawSocketOf = (socket: Socket): Socket =>
  (socket as Socket & { [PARENT]?: Socket | null })[PARENT] ?? socket;

export const connectionFacts = (listener: Listener, socket: Socket): ConnectionFacts => {
  const secure = listener === 'https' ? (socket as TLSSocket & { servername?: string | false }) : undefined;
  const raw = rawSocketOf(socket);
  const peerAddress = proxied.get(raw) ?? peerAddressOf(socket.remoteAddress);
  return {
    listener,
    peerAddress,
    peerNetwork: networkOf(peerAddress),
    servername: secure === undefined ? undefined : secure.servername || helloNames.get(raw) || false,
    tls:
      secure === undefined
        ? undefined
        : { version: secure.getProtocol() as TlsVersion, resumed: secure.isSessionReused() },
    pinnedName: undefined,
  };
};
