// Address ranges, alias names and header fields that show a CDN in front of the proxy. Must not ask anything.
// Addresses: Cloudflare (www.cloudflare.com/ips-v4, ips-v6) and Fastly (api.fastly.com/public-ip-list), compared with the copies in
// the npm packages cloudflare-ip 0.0.7 and @tryghost/fastly-ip 0.1.10. Other CDNs change their addresses too often for a list that is
// shipped: CloudFront, Akamai and the rest are recognised by their names and fields only; each of their responses has them.

import { BlockList, isIPv6 } from 'node:net';
import type { IncomingHttpHeaders } from 'node:http';

const NETWORKS: Readonly<Record<string, string>> = {
  Cloudflare:
    '173.245.48.0/20 103.21.244.0/22 103.22.200.0/22 103.31.4.0/22 141.101.64.0/18 108.162.192.0/18 190.93.240.0/20 ' +
    '188.114.96.0/20 197.234.240.0/22 198.41.128.0/17 162.158.0.0/15 104.16.0.0/13 104.24.0.0/14 172.64.0.0/13 ' +
    '131.0.72.0/22 2400:cb00::/32 2606:4700::/32 2803:f800::/32 2405:b500::/32 2405:8100::/32 2a06:98c0::/29 2c0f:f248::/32',
  Fastly:
    '23.235.32.0/20 43.249.72.0/22 103.244.50.0/24 103.245.222.0/23 103.245.224.0/24 104.156.80.0/20 140.248.64.0/18 ' +
    '140.248.128.0/17 146.75.0.0/17 151.101.0.0/16 157.52.64.0/18 167.82.0.0/17 167.82.128.0/20 167.82.160.0/20 ' +
    '167.82.224.0/20 172.111.64.0/18 185.31.16.0/22 199.27.72.0/21 199.232.0.0/16 2a04:4e40::/32 2a04:4e42::/32',
};

const LISTS: readonly (readonly [string, BlockList])[] = Object.entries(NETWORKS).map(([name, text]) => {
  const list = new BlockList();
  for (const network of text.split(' ')) {
    const [address = '', bits = ''] = network.split('/');
    list.addSubnet(address, Number(bits), isIPv6(address) ? 'ipv6' : 'ipv4');
  }
  return [name, list];
});

/** The CDN that an address belongs to; undefined for one that is not known here. */
export const cdnOfAddress = (address: string): string | undefined =>
  LISTS.find(([, list]) => list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4'))?.[0];

/** zones that customers of these CDNs make aliases into */
const ZONES: Readonly<Record<string, string>> = {
  'cdn.cloudflare.net': 'Cloudflare',
  'cloudfront.net': 'CloudFront',
  'fastly.net': 'Fastly',
  'fastlylb.net': 'Fastly',
  'edgekey.net': 'Akamai',
  'edgesuite.net': 'Akamai',
  'akamaiedge.net': 'Akamai',
  'azurefd.net': 'Azure Front Door',
  'azureedge.net': 'Azure Front Door',
  'b-cdn.net': 'bunny.net',
  'incapdns.net': 'Imperva',
};

/** The CDN that an alias leads to. @param alias - normalized */
export const cdnOfAlias = (alias: string): string | undefined =>
  Object.entries(ZONES).find(([zone]) => alias.endsWith(`.${zone}`))?.[1];

/** field, what its value holds, which CDN sends it */
const FIELDS: readonly (readonly [string, RegExp, string])[] = [
  ['cf-ray', /./, 'Cloudflare'],
  ['server', /^cloudflare/i, 'Cloudflare'],
  ['x-amz-cf-id', /./, 'CloudFront'],
  ['via', /cloudfront/i, 'CloudFront'],
  ['x-fastly-request-id', /./, 'Fastly'],
  ['x-served-by', /^cache-/i, 'Fastly'],
  ['server', /^AkamaiGHost/i, 'Akamai'],
  ['x-akamai-transformed', /./, 'Akamai'],
  ['x-azure-ref', /./, 'Azure Front Door'],
  ['server', /^BunnyCDN/i, 'bunny.net'],
  ['x-sucuri-id', /./, 'Sucuri'],
  ['x-iinfo', /./, 'Imperva'],
];

export interface CdnTrace {
  readonly cdn: string;
  /** `field: value` */
  readonly field: string;
}

/** The CDN that a response came through, by its fields. */
export const cdnOfHeaders = (headers: IncomingHttpHeaders): CdnTrace | undefined => {
  for (const [field, pattern, cdn] of FIELDS) {
    const value = [headers[field]].flat().find((text) => text !== undefined && pattern.test(text));
    if (value !== undefined) return { cdn, field: `${field}: ${value.slice(0, 80)}` };
  }
  return undefined;
};
