// Listening sockets, bound by the supervisor (or passed to it, passed-sockets.ts) and held for its whole life. Workers get the handle and
// accept on it; the supervisor never does. So the port stays open when a worker dies, even the only one: clicks wait in the queue of
// the kernel for the next worker and are not refused (docs/decisions.md).

import net from 'node:net';
import { getSystemErrorName } from 'node:util';
import { LinkgateError, type ErrorCode } from '../../core/errors.ts';
import type { ListenAddress } from '../../core/settings.ts';

/** The part of libuv's TCP wrap that we use. */
export interface SocketHandle {
  getsockname(out: { address?: string; port?: number }): number;
  close(): void;
}

/**
 * How node:cluster gets a bound handle. No documentation names it, but every Node from 0.x to 26 has it; a documented call would bind
 * and accept in one step. CI runs the test of this file on each line of Node.
 */
const createServerHandle = (
  net as unknown as {
    /** the first three are null where there is a descriptor */
    _createServerHandle(
      address: string | null,
      port: number | null,
      family: 4 | 6 | null,
      descriptor?: number,
    ): SocketHandle | number;
  }
)['_createServerHandle'];

export interface HeldSocket {
  /** sent to workers with a message; there it goes to `server.listen(handle)` */
  readonly handle: SocketHandle;
  /** what was bound, with the port that the system chose */
  readonly address: ListenAddress;
  /** safe to call twice */
  close(): void;
}

const CODES: Readonly<Record<string, ErrorCode>> = {
  EADDRINUSE: 'ERR_LISTEN_IN_USE',
  EACCES: 'ERR_LISTEN_DENIED',
  EPERM: 'ERR_LISTEN_DENIED',
};

const failure = (listener: string, { host, port }: ListenAddress, errno: number): LinkgateError => {
  const name = getSystemErrorName(errno);
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const words: Readonly<Record<string, string>> = {
    EADDRINUSE: 'is in use by another program',
    EACCES: 'may not be opened by this user',
    EPERM: 'may not be opened by this user',
    EADDRNOTAVAIL: 'is not an address of this machine',
  };
  return new LinkgateError(
    CODES[name] ?? 'ERR_LISTEN_UNAVAILABLE',
    `${listener} ${where} ${words[name] ?? 'cannot be opened'} (${name})`,
    { details: { listener, host, port, errno: name } },
  );
};

const hold = (handle: SocketHandle, address: ListenAddress): HeldSocket => {
  let open = true;
  const close = (): void => {
    if (open) handle.close();
    open = false;
  };
  return { handle, address, close };
};

/** Takes over a descriptor that is a bound TCP socket already; undefined when it is something else. */
export const adoptSocket = (descriptor: number): HeldSocket | undefined => {
  const handle = createServerHandle(null, null, null, descriptor);
  if (typeof handle === 'number') return undefined;
  const { address, port } = nameOf(handle);
  if (address !== undefined && port !== undefined) return hold(handle, { host: address, port });
  handle.close();
  return undefined;
};

const nameOf = (handle: SocketHandle): { address?: string; port?: number; errno: number } => {
  const name: { address?: string; port?: number } = {};
  // a pipe has no name
  const errno = typeof handle.getsockname === 'function' ? handle.getsockname(name) : -1;
  return { ...name, errno };
};

/** Only binds. libuv keeps EADDRINUSE for later and reports it when the name is asked for. */
const bind = ({ host, port }: ListenAddress): { handle: SocketHandle; port: number } | number => {
  const handle = createServerHandle(host, port, host.includes(':') ? 6 : 4);
  if (typeof handle === 'number') return handle;
  const name = nameOf(handle);
  if (name.errno === 0) return { handle, port: name.port ?? port };
  handle.close();
  return name.errno;
};

/**
 * Binds an address. `::` includes IPv4, and becomes `0.0.0.0` where the machine has no IPv6.
 * @throws LinkgateError `ERR_LISTEN_IN_USE`, `ERR_LISTEN_DENIED`, `ERR_LISTEN_UNAVAILABLE`
 */
export const holdSocket = (listener: string, wanted: ListenAddress): HeldSocket => {
  const tries = wanted.host === '::' ? [wanted, { host: '0.0.0.0', port: wanted.port }] : [wanted];
  let errno = 0;
  for (const address of tries) {
    const bound = bind(address);
    if (typeof bound !== 'number') {
      return hold(bound.handle, { host: address.host, port: bound.port });
    }
    errno = bound;
    if (!['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'].includes(getSystemErrorName(errno))) break;
  }
  throw failure(listener, wanted, errno);
};
