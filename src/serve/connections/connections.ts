// Open connections of both listeners: counts them, makes room at the limits, and reads the PROXY header of listed proxies.
// Knows sockets only, no TLS and no HTTP.

import { createServer, type Server, type Socket } from 'node:net';
import type { Emit, Events, Listener } from '../../core/events.ts';
import type { Limits } from '../../core/settings.ts';
import { clientKeyOf, peerAddressOf, type IsTrusted } from './ip-addresses.ts';
import { rawSocketOf, setPeerAddress } from './connection-facts.ts';
import { IdleOrder } from './idle-order.ts';
import { readProxyHeader } from './proxy-protocol.ts';

/** Which connections are admitted, and how many. A reload replaces it; open connections stay. */
export interface Admission {
  readonly limits: Pick<Limits, 'connections' | 'connectionsPerAddress' | 'headersMs' | 'keepAliveMs'>;
  /** a proxy is many clients: the limit for one address does not hold for it */
  readonly isTrusted: IsTrusted;
  /** proxies whose connections begin with a PROXY protocol header */
  readonly isProxy: Readonly<Record<Listener, IsTrusted>>;
}

export interface ConnectionsOptions {
  readonly admission: Admission;
  readonly emit: Emit;
}

/** What the protocols tell of a connection, so that an idle one can go when a new one needs its place. */
export interface ConnectionUse {
  /** a request is in progress */
  busy(socket: Socket): void;
  /** none is */
  idle(socket: Socket): void;
}

/** From this part of all connections on, kept ones have less time the fewer places are left. */
const PRESSURE = 3 / 4;
/** A client that has just connected gets this long at least to begin. */
const SHORTEST_IDLE_MS = 1_000;

/** How long a connection may be idle with so many others. */
const idleTimeOf = (open: number, { connections, keepAliveMs }: Admission['limits']): number => {
  const left = (connections - open) / (connections * (1 - PRESSURE));
  return left >= 1 ? Infinity : Math.max(SHORTEST_IDLE_MS, keepAliveMs * left);
};

export interface Connections {
  readonly use: ConnectionUse;
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

interface OpenConnection {
  readonly listener: Listener;
  /** its client; undefined for a trusted proxy, and before the PROXY header */
  key: string | undefined;
}

class OpenConnections implements Connections {
  readonly use: ConnectionUse;
  readonly #emit: Emit;
  #admission: Admission;
  readonly #sockets = new Map<Socket, OpenConnection>();
  readonly #perAddress = new Map<string, Set<Socket>>();
  readonly #open = { https: 0, http: 0 };
  readonly #idle = new IdleOrder();

  constructor({ admission, emit }: ConnectionsOptions) {
    this.#admission = admission;
    this.#emit = emit;
    this.use = {
      busy: (socket) => this.#idle.busy(rawSocketOf(socket)),
      // a connection that has closed stays out
      idle: (socket) => {
        const raw = rawSocketOf(socket);
        if (this.#sockets.has(raw)) this.#idle.idle(raw);
      },
    };
  }

  listener(name: Listener, onSocket: (socket: Socket) => void): Server {
    return createServer({ noDelay: true }, (socket) => this.#accept(name, socket, onSocket));
  }

  apply(admission: Admission): void {
    this.#admission = admission;
  }

  count(): number {
    return this.#sockets.size;
  }

  countOf(name: Listener): number {
    return this.#open[name];
  }

  cut(): number {
    const { size } = this.#sockets;
    for (const socket of this.#sockets.keys()) socket.destroy();
    return size;
  }

  #accept(name: Listener, socket: Socket, onSocket: (socket: Socket) => void): void {
    const { limits, isProxy } = this.#admission;
    if (!this.#makeRoom()) {
      this.#refuse(name, socket, 'total');
      return;
    }
    const connection: OpenConnection = { listener: name, key: undefined };
    this.#sockets.set(socket, connection);
    this.#idle.idle(socket);
    this.#open[name] += 1;
    socket.on('close', () => this.#leave(socket));
    const peer = peerAddressOf(socket.remoteAddress);
    if (!isProxy[name](peer)) {
      if (this.#admit(connection, socket, peer)) onSocket(socket);
      else this.#refuse(name, socket, 'address');
      return;
    }
    // Nobody else listens until TLS or HTTP takes over.
    const onError = (): void => void socket.destroy();
    socket.on('error', onError);
    readProxyHeader(socket, limits.headersMs, (address) => {
      socket.off('error', onError);
      // closed for another meanwhile
      if (!this.#sockets.has(socket)) return;
      if (address === false) this.#refuse(name, socket, 'proxy-protocol');
      else if (address !== undefined && !this.#admit(connection, socket, address))
        this.#refuse(name, socket, 'address');
      else {
        if (address !== undefined) setPeerAddress(socket, address);
        onSocket(socket);
      }
    });
  }

  #refuse(listener: Listener, socket: Socket, reason: Events['connection.refused']['reason']): void {
    this.#emit('connection.refused', { listener, reason });
    socket.destroy();
  }

  /** Under pressure, and at the ceiling, the connection that was idle longest goes. @returns whether there is a place */
  #makeRoom(): boolean {
    const { limits } = this.#admission;
    const open = this.#sockets.size;
    const idleMs = idleTimeOf(open, limits);
    if (idleMs === Infinity) return true;
    const longest = this.#idle.longest();
    if (longest !== undefined && (open >= limits.connections || this.#idle.idleMs(longest) > idleMs))
      this.#evict(longest);
    return this.#sockets.size < limits.connections;
  }

  /** Counts a client's address until its connection closes; false when it has too many, and none of them is idle. */
  #admit(connection: OpenConnection, socket: Socket, address: string): boolean {
    const { isTrusted, limits } = this.#admission;
    if (isTrusted(address)) return true;
    const key = clientKeyOf(address);
    const known = this.#perAddress.get(key);
    if (known !== undefined && known.size >= limits.connectionsPerAddress) {
      const longest = this.#idle.longestOf(known);
      if (longest === undefined) return false;
      this.#evict(longest);
    }
    const all = this.#perAddress.get(key) ?? new Set();
    this.#perAddress.set(key, all.add(socket));
    connection.key = key;
    return true;
  }

  /** Closes an idle connection; its place is free at once. */
  #evict(socket: Socket): void {
    const listener = this.#sockets.get(socket)?.listener ?? 'https';
    this.#emit('connection.refused', { listener, reason: 'idle' });
    this.#leave(socket);
    socket.destroy();
  }

  #leave(socket: Socket): void {
    const connection = this.#sockets.get(socket);
    // it made room for another and has left already
    if (connection === undefined) return;
    const { listener, key } = connection;
    this.#open[listener] -= 1;
    this.#idle.busy(socket);
    this.#sockets.delete(socket);
    if (key === undefined) return;
    const all = this.#perAddress.get(key);
    all?.delete(socket);
    if (all?.size === 0) this.#perAddress.delete(key);
  }
}

export const createConnections = (options: ConnectionsOptions): Connections => new OpenConnections(options);
