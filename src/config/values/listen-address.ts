// The words of `listen`: ADDRESS:PORT, [IPV6]:PORT, :PORT, fd:NAME. Only addresses and no names, so that nothing has to be resolved.

import { SocketAddress, isIPv4, isIPv6 } from 'node:net';
import type { Listen, ListenAddress } from '../../core/settings.ts';
import { quote } from '../text/problems.ts';

/** What `listen` accepts, for messages. */
export const LISTEN_GRAMMAR = 'ADDRESS:PORT, [IPV6]:PORT, :PORT or fd:NAME';

/** The default address of each listener. */
export const DEFAULT_LISTEN = { https: '0.0.0.0:443', http: '0.0.0.0:80', admin: '127.0.0.1:9464' } as const;

export type ListenerName = keyof typeof DEFAULT_LISTEN;

const HIGHEST_PORT = 65_535;

/** What is wrong with a text that is no address, where `grammar` is what it should be. */
export const addressProblem = (grammar: string, text: string): string =>
  Number(/:(\d+)$/.exec(text)?.[1]) > HIGHEST_PORT
    ? `has a port over ${HIGHEST_PORT}: ${quote(text)}`
    : `must be ${grammar}, not ${quote(text)}`;

/** `:443` → every address. IPv6 addresses become their shortest form (RFC 5952). @returns undefined when it is no listen address */
export const parseListenAddress = (text: string): ListenAddress | undefined => {
  const match = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([0-9.]{7,15})|):(0|[1-9]\d{0,4})$/.exec(text);
  if (match === null) return undefined;
  const port = Number(match[3]);
  if (port > HIGHEST_PORT) return undefined;
  if (match[1] !== undefined) {
    if (!isIPv6(match[1])) return undefined;
    return { host: new SocketAddress({ address: match[1], family: 'ipv6' }).address, port };
  }
  if (match[2] !== undefined) return isIPv4(match[2]) ? { host: match[2], port } : undefined;
  return { host: '::', port };
};

/** `fd:NAME` is the socket NAME (systemd.socket, FileDescriptorName=); its address is assumed to be the default of `listener`. */
export const parseListen = (listener: ListenerName, text: string): Listen | undefined => {
  const fd = /^fd:([A-Za-z0-9._@-]{1,255})$/.exec(text)?.[1];
  if (fd === undefined) return parseListenAddress(text);
  const address = parseListenAddress(DEFAULT_LISTEN[listener]);
  return address && { ...address, fd };
};

/** The text that `parseListen` reads back. */
export const formatListen = ({ fd, ...address }: Listen): string =>
  fd === undefined ? formatListenAddress(address) : `fd:${fd}`;

/** The text that `parseListenAddress` reads back. */
export const formatListenAddress = ({ host, port }: ListenAddress): string =>
  isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;

/** 127.0.0.0/8 or ::1. */
export const isLoopback = ({ host }: ListenAddress): boolean => host === '::1' || host.startsWith('127.');

/** Whether two listeners cannot both be opened: the same socket, or the same port on addresses of which one includes the other. */
export const collide = (a: Listen, b: Listen): boolean => {
  if (a.fd !== undefined || b.fd !== undefined) return a.fd === b.fd;
  return (
    a.port === b.port &&
    a.port !== 0 &&
    (a.host === b.host ||
      a.host === '::' ||
      b.host === '::' ||
      (isIPv4(a.host) && isIPv4(b.host) && (a.host === '0.0.0.0' || b.host === '0.0.0.0')))
  );
};
