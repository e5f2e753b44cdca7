// Field names and what they mean to a proxy: hop-by-hop, framing, identity, policy (RFC 9110 §7.6.1). Used by request/headers.ts,
// which decides what becomes of each. Knows no value of a field.

export type FieldClass =
  'pass' | 'hop' | 'connection' | 'host' | 'identity' | 'length' | 'encoding' | 'expect' | 'policy';

/** Fields that mean something to us, by lower-case name. All others pass. */
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
  ['forwarded', 'identity'],
  ['x-real-ip', 'identity'],
  ['strict-transport-security', 'policy'],
  ['alt-svc', 'policy'],
  ['public-key-pins', 'policy'],
  ['public-key-pins-report-only', 'policy'],
]);

/**
 * Class of one field name, any case. Names that some servers read as another one (`X_Forwarded_For`,
 * `x.real.ip`: CGI-style variables fold `_` and `.`) count as that other one when they speak of identity.
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
 * Classes of names that came before, as they were spelled: clicks have the same dozen names. It holds tokens only, and a few
 * hundred at most: other names are classified each time.
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
