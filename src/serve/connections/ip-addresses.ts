// IP addresses of clients and proxies: one spelling, networks for logs and limits, trusted ranges.

import { BlockList, isIP, isIPv4 } from 'node:net';

/** `::ffff:192.0.2.1` (an IPv4 peer of a dual-stack socket) → `192.0.2.1`. */
export const peerAddressOf = (address: string | undefined): string =>
  address === undefined ? 'unknown' : address.startsWith('::ffff:') ? address.slice(7) : address;

/** The first `count` groups of an IPv6 address, written out. */
const firstGroups = (address: string, count: number): string => {
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  return [...left, ...Array<string>(zeros).fill('0'), ...right]
    .slice(0, count)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
};

/** The network of an address, for logs without whole addresses: `192.0.2.0/24`, `2001:db8:1::/48`. */
export const networkOf = (address: string): string => {
  if (isIPv4(address)) return `${address.slice(0, address.lastIndexOf('.'))}.0/24`;
  return isIP(address) === 6 ? `${firstGroups(address, 3)}::/48` : 'unknown';
};

/** What counts as one client: an IPv4 address, an IPv6 /64. */
export const clientKeyOf = (address: string): string =>
  isIP(address) === 6 ? firstGroups(address, 4) : address;

/** Whether an address is in one of the ranges. */
export type IsTrusted = (address: string) => boolean;

/**
 * @param ranges - addresses or CIDRs (RFC 4632 §3.1), already checked by config/; a wrong one throws
 */
export const trustedRanges = (ranges: readonly string[]): IsTrusted => {
  if (ranges.length === 0) return () => false;
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/');
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    list.addSubnet(address, Number(prefix ?? (family === 'ipv4' ? 32 : 128)), family);
  }
  return (address) => {
    const family = isIP(address);
    return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6');
  };
};
