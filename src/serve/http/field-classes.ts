// Field names and what they mean to a proxy: hop-by-hop, framing, identity, policy (RFC 9110 §7.6.1). request/headers.ts
// decides what to do with each class. Knows no value of a field.

export type FieldClass =
  'pass' | 'hop' | 'connection' | 'host' | 'identity' | 'length' | 'encoding' | 'expect' | 'policy';

/**
 * Fields in which CDNs, proxies and clouds tell the address of a client, next to `X-Forwarded-…`. Servers believe some of them, and
 * any client can write them.
 */
const IDENTITY: readonly string[] = [
  'forwarded',
  'forwarded-for',
  'forwarded-for-ip',
  'x-forwarded',
  'x-original-forwarded-for',
  'x-vercel-forwarded-for',
  'x-real-ip',
  'ali-cdn-real-ip',
  'client-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'cf-connecting-ipv6',
  'cf-pseudo-ipv4',
  'do-connecting-ip',
  'fastly-client-ip',
  'fly-client-ip',
  'incap-client-ip',
  'x-sucuri-clientip',
  'x-azure-clientip',
  'x-azure-socketip',
  'x-appengine-user-ip',
  'x-envoy-external-address',
  'x-nf-client-connection-ip',
  'cloudfront-viewer-address',
  'cdn-src-ip',
  'proxy-client-ip',
  'wl-proxy-client-ip',
  'x-originating-ip',
  'x-remote-ip',
  'x-remote-addr',
  'remote-addr',
  'x-proxyuser-ip',
];

/** Fields with a meaning for this proxy, by lower-case name. All others pass. */
const CLASSES: ReadonlyMap<string, FieldClass> = new Map<string, FieldClass>([
  ['connection', 'connection'],
  ['keep-alive', 'hop'],
  ['proxy-connection', 'hop'],
  ['proxy-authenticate', 'hop'],
  ['proxy-authorization', 'hop'],
  ['te', 'hop'],
  ['upgrade', 'hop'],
  ['http2-settings', 'hop'],
  ['transfer-encoding', 'encoding'],
  ['content-length', 'length'],
  ['expect', 'expect'],
  ['host', 'host'],
  ['strict-transport-security', 'policy'],
  ['alt-svc', 'policy'],
  ['public-key-pins', 'policy'],
  ['public-key-pins-report-only', 'policy'],
  ...IDENTITY.map((name): [string, FieldClass] => [name, 'identity']),
]);

/**
 * Class of one field name, in any case. Some servers fold `_` and `.` into `-` (CGI variables), so `X_Forwarded_For` and `x.real.ip` count
 * as the identity fields that they look like.
 */
const judge = (name: string): FieldClass => {
  const lower = name.toLowerCase();
  const known = CLASSES.get(lower);
  if (known !== undefined) return known;
  if (lower.startsWith('x-forwarded-')) return 'identity';
  if (!lower.includes('_') && !lower.includes('.')) return 'pass';
  const folded = lower.replaceAll(/[_.]/g, '-');
  return folded.startsWith('x-forwarded-') || CLASSES.get(folded) === 'identity' ? 'identity' : 'pass';
};

/**
 * Classes of known spellings: all clicks have the same dozen names. A few hundred tokens at most; other names are classified each time.
 */
const judged = new Map<string, FieldClass>();
const MOST_JUDGED = 512;
const LONGEST_JUDGED = 64;

/** What a field name is made of (RFC 9110 §5.6.2); HTTP/2 has no capitals (RFC 9113 §8.2.1). */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** undefined for a name that is no token */
export const classOfToken = (name: string): FieldClass | undefined => {
  const known = judged.get(name);
  if (known !== undefined) return known;
  if (!TOKEN.test(name)) return undefined;
  const kind = judge(name);
  if (judged.size < MOST_JUDGED && name.length <= LONGEST_JUDGED) judged.set(name, kind);
  return kind;
};

export const classOf = (name: string): FieldClass => classOfToken(name) ?? judge(name);
