// Who asked, as the upstream is told. Whatever a client claims about itself was dropped by headers.ts; only what a
// trusted proxy says in front of us is believed.

import { isIP } from 'node:net';
import type { Listener } from '../../core/events.ts';
import { peerAddressOf, type IsTrusted } from '../connections/ip-addresses.ts';

export interface Client {
  /** the client's own address */
  readonly address: string;
  /** value of X-Forwarded-For: the client, then the trusted proxies it came through */
  readonly chain: string;
  readonly proto: Listener;
}

export interface ClaimedIdentity {
  readonly forwardedFor: string | undefined;
  readonly forwardedProto: string | undefined;
}

/**
 * Walks X-Forwarded-For from our side outwards: as long as a hop is trusted, what it says of the hop before it is
 * believed. Everything left of the first untrusted address was written by nobody we know, and is dropped.
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
    const hop = peerAddressOf(hops[i]?.trim());
    if (isIP(hop) === 0) break;
    address = hop;
    chain = `${hop}, ${chain}`;
  }
  const proto = claimed.forwardedProto?.toLowerCase();
  return { address, chain, proto: proto === 'https' || proto === 'http' ? proto : listener };
};

/** The identity fields of one request (RFC 7239 §4 and the older ones), overwriting whatever the client sent. */
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
  // an address of either family, or `unknown`: only one of IPv6 has colons
  `for=${address.includes(':') ? `"[${address}]"` : address};host=${host};proto=${proto}`,
];
