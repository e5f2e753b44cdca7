// The PROXY protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt): a load balancer sends the address of the client first. A pure
// reader of bytes, and the wait for them on a socket. connections.ts calls it for listed proxies only.

import { isIP } from 'node:net';
import type { Socket } from 'node:net';
import { peerAddressOf } from './ip-addresses.ts';

/** What the first bytes of a connection are. */
export type ProxyHeader =
  | { readonly state: 'incomplete' }
  | { readonly state: 'invalid' }
  /** `address` is undefined for a connection of the proxy itself (LOCAL, UNKNOWN): a health check */
  | { readonly state: 'complete'; readonly bytes: number; readonly address: string | undefined };

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V1_START = Buffer.from('PROXY ', 'latin1');
/** §2.1: with its CR LF */
const V1_LONGEST = 107;
/** §2.2 allows 65,535 bytes; addresses take 216, and the TLVs after them must fit into one segment */
const V2_LONGEST = 16 + 1_500;

const INCOMPLETE: ProxyHeader = { state: 'incomplete' };
const INVALID: ProxyHeader = { state: 'invalid' };
const V1 = /^PROXY (TCP4|TCP6) (\S+) (\S+) (\d{1,5}) (\d{1,5})$/;

const parseV1 = (bytes: Buffer): ProxyHeader => {
  const end = bytes.subarray(0, V1_LONGEST).indexOf('\r\n');
  if (end === -1) return bytes.length < V1_LONGEST ? INCOMPLETE : INVALID;
  const line = bytes.toString('latin1', 0, end);
  if (/^PROXY UNKNOWN( |$)/.test(line)) return { state: 'complete', bytes: end + 2, address: undefined };
  const [, family, source = '', destination = '', from, to] = V1.exec(line) ?? [];
  const version = family === 'TCP4' ? 4 : 6;
  const good =
    family !== undefined &&
    isIP(source) === version &&
    isIP(destination) === version &&
    Number(from) <= 65_535 &&
    Number(to) <= 65_535;
  return good ? { state: 'complete', bytes: end + 2, address: peerAddressOf(source) } : INVALID;
};

const ipv6 = (bytes: Buffer): string => {
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(bytes.readUInt16BE(i).toString(16));
  const v4mapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes.readUInt16BE(10) === 0xffff;
  return v4mapped ? bytes.subarray(12, 16).join('.') : groups.join(':');
};

const parseV2 = (bytes: Buffer): ProxyHeader => {
  if (bytes.length < 16) return INCOMPLETE;
  const version = bytes.readUInt8(12) >> 4;
  const command = bytes.readUInt8(12) & 15;
  const length = bytes.readUInt16BE(14);
  if (version !== 2 || command > 1 || 16 + length > V2_LONGEST) return INVALID;
  if (bytes.length < 16 + length) return INCOMPLETE;
  const complete = (address: string | undefined): ProxyHeader => ({
    state: 'complete',
    bytes: 16 + length,
    address,
  });
  const family = bytes.readUInt8(13);
  if (command === 0 || family === 0) return complete(undefined);
  if (family === 0x11 && length >= 12) return complete(bytes.subarray(16, 20).join('.'));
  if (family === 0x21 && length >= 36) return complete(ipv6(bytes.subarray(16, 32)));
  return INVALID;
};

/** Reads the header at the start of `bytes`, of either version. */
export const parseProxyHeader = (bytes: Buffer): ProxyHeader => {
  const v2 = SIGNATURE.subarray(0, bytes.length);
  if (bytes.subarray(0, v2.length).equals(v2)) return parseV2(bytes);
  const v1 = V1_START.subarray(0, bytes.length);
  return bytes.subarray(0, v1.length).equals(v1) ? parseV1(bytes) : INVALID;
};

/**
 * Reads the header of a new connection within `timeoutMs`; the bytes after it stay on the socket.
 * @param done - with the client's address (undefined: the proxy's own), or `false` where there was no good header
 */
export const readProxyHeader = (
  socket: Socket,
  timeoutMs: number,
  done: (address: string | undefined | false) => void,
): void => {
  let bytes: Buffer = Buffer.alloc(0);
  const finish = (address: string | undefined | false): void => {
    clearTimeout(timer);
    socket.off('readable', onReadable);
    socket.off('close', onClose);
    done(address);
  };
  const onClose = (): void => finish(false);
  const onReadable = (): void => {
    for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null) {
      bytes = Buffer.concat([bytes, chunk]);
      const header = parseProxyHeader(bytes);
      if (header.state === 'incomplete') continue;
      if (header.state === 'complete') {
        const rest = bytes.subarray(header.bytes);
        if (rest.length > 0) socket.unshift(rest);
        finish(header.address);
      } else finish(false);
      return;
    }
  };
  const timer = setTimeout(() => finish(false), timeoutMs);
  socket.on('readable', onReadable);
  socket.on('close', onClose);
};
