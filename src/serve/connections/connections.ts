// Open connections of both listeners: counts them, refuses them early above the limits, and reads the PROXY header of listed proxies.
// Knows sockets only, no TLS and no HTTP.

import { createServer, type Server, type Socket } from 'node:net';
import type { Emit, Listener } from '../../core/events.ts';
import type { Limits } from '../../core/settings.ts';
import { clientKeyOf, peerAddressOf, type IsTrusted } from './ip-addresses.ts';
import { setPeerAddress } from './connection-facts.ts';
import { readProxyHeader } from './proxy-protocol.ts';

/** Which connections are admitted, and how many. A reload replaces it; open connections stay. */
export interface Admission {
  readonly limits: Pick<Limits, 'connections' | 'connectionsPerAddress' | 'headersMs'>;
  /** a proxy is many clients: the limit for one address does not hold for it */
  readonly isTrusted: IsTrusted;
  /** proxies whose connections begin with a PROXY protocol header */
  readonly isProxy: Readonly<Record<Listener, IsTrusted>>;
}

export interface ConnectionsOptions {
  readonly admission: Admission;
  readonly emit: Emit;
}

export interface Connections {
  /** A TCP server whose accepted connections go to `onSocket`. */
  listener(name: Listener, onSocket: (socket: Socket) => void): Server;
  /** for connections from now on */
  apply(admission: Admission): void;
  count(): number;
  /** of one listener */
  countOf(name: Listener): number;
  /** cuts every connection; @returns how many there were */
  cut(): number;
}

export const createConnections = ({ admission, emit }: ConnectionsOptions): Connections => {
  let { limits, isTrusted, isProxy } = admission;
  /** each with its client; undefined for a trusted proxy, and before the PROXY header */
  const sockets = new Map<Socket, string | undefined>();
  const perAddress = new Map<string, number>();
  const open = { https: 0, http: 0 };

  /** Counts a client's address until its connection closes; false when it has too many. */
  const admit = (socket: Socket, address: string): boolean => {
    if (isTrusted(address)) return true;
    const key = clientKeyOf(address);
    const count = perAddress.get(key) ?? 0;
    if (count >= limits.connectionsPerAddress) return false;
    perAddress.set(key, count + 1);
    sockets.set(socket, key);
    return true;
  };
  const leave = (name: Listener, socket: Socket): void => {
    open[name] -= 1;
    const key = sockets.get(socket);
    sockets.delete(socket);
    if (key === undefined) return;
    const left = (perAddress.get(key) ?? 1) - 1;
    if (left === 0) perAddress.delete(key);
    else perAddress.set(key, left);
  };

  const listener: Connections['listener'] = (name, onSocket) => {
    const refuse = (socket: Socket, reason: 'total' | 'address' | 'proxy-protocol'): void => {
      emit('connection.refused', { listener: name, reason });
      socket.destroy();
    };
    return createServer({ noDelay: true }, (socket) => {
      if (sockets.size >= limits.connections) {
        refuse(socket, 'total');
        return;
      }
      sockets.set(socket, undefined);
      open[name] += 1;
      socket.on('close', () => leave(name, socket));
      const peer = peerAddressOf(socket.remoteAddress);
      if (!isProxy[name](peer)) {
        if (admit(socket, peer)) onSocket(socket);
        else refuse(socket, 'address');
        return;
      }
      // Nobody else listens until TLS or HTTP takes over.
      const onError = (): void => void socket.destroy();
      socket.on('error', onError);
      readProxyHeader(socket, limits.headersMs, (address) => {
        socket.off('error', onError);
        if (address === false) refuse(socket, 'proxy-protocol');
        else if (address !== undefined && !admit(socket, address)) refuse(socket, 'address');
        else {
          if (address !== undefined) setPeerAddress(socket, address);
          onSocket(socket);
        }
      });
    });
  };
  return {
    listener,
    apply: (next) => {
      ({ limits, isTrusted, isProxy } = next);
    },
    count: () => sockets.size,
    countOf: (name) => open[name],
    cut: () => {
      const { size } = sockets;
      for (const socket of sockets.keys()) socket.destroy();
      return size;
    },
  };
};
