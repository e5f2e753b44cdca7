// The identity of the client for the upstream. headers.ts has dropped what the client claims about itself; only a trusted proxy is
// believed.

import { isIP } from 'node:net';
import type { Listener } from '../../core/events.ts';
import { peerAddressOf, type IsTrusted } from '../connections/ip-addresses.ts';

export interface Client {
  /** the client's own address */
  readonly address: string;
  /** value of X-Forwarded-For: the client, then the trusted proxies on its way */
  readonly chain: string;
  readonly proto: Listener;
}

export interface ClaimedIdentity {
  readonly forwardedFor: string | undefined;
  readonly forwardedProto: string | undefined;
}

/** An address with a port, or an IPv6 address in brackets, as some proxies write it (RFC 7239 §6). */
const WITH_PORT = /^(?:\[([^\]]*)\]|([\d.]+))(?::\d{1,5})?$/;

/** The address of one entry of X-Forwarded-For, or undefined when the entry is no address. */
const addressOf = (entry: string): string | undefined => {
  const match = WITH_PORT.exec(entry);
  const address = peerAddressOf(match?.[1] ?? match?.[2] ?? entry);
  return isIP(address) === 0 ? undefined : address;
};

/**
 * Walks X-Forwarded-For from our side outwards: a trusted hop is believed about the hop before it. Everything left of the first untrusted
 * address is dropped: an unknown client wrote it.
 */
export const clientOf = (
  peerAddress: string,
  listener: Listener,
  claimed: ClaimedIdentity,
  isTrusted: IsTrusted,
): Client => {
  if (!isTrusted(peerAddress)) return { address: peerAddress, chain: peerAddress, proto: listener };
  const hops = claimed.forwardedFor?.split(',') ?? [];
  let address = peerAddress;
  let chain = peerAddress;
  for (let i = hops.length - 1; i >= 0 && isTrusted(address); i -= 1) {
    const hop = addressOf((hops[i] ?? '').trim());
    if (hop === undefined) break;
    address = hop;
    chain = `${hop}, ${chain}`;
  }
  const proto = claimed.forwardedProto?.toLowerCase();
  return { address, chain, proto: proto === 'https' || proto === 'http' ? proto : listener };
};

/** The identity fields of one request (RFC 7239 §4 and the older ones), in place of those that the client sent. */
export const identityFields = ({ address, chain, proto }: Client, host: string): string[] => [
  'X-Forwarded-For',
  chain,
  'X-Forwarded-Proto',
  proto,
  'X-Forwarded-Host',
  host,
  'X-Real-IP',
  address,
  'Forwarded',
  // An address, or `unknown`: only IPv6 has colons.
  `for=${address.includes(':') ? `"[${address}]"` : address};host=${host};proto=${proto}`,
];
