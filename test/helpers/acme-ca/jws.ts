// Signed requests as an ACME server reads them (RFC 8555 §6.2, RFC 7515).

import { createHash, createHmac, createPublicKey, verify, type JsonWebKey } from 'node:crypto';

export interface Jws {
  readonly header: {
    readonly alg?: string;
    readonly nonce?: string;
    readonly url?: string;
    readonly kid?: string;
    readonly jwk?: JsonWebKey;
  };
  /** undefined for POST-as-GET */
  readonly payload: Readonly<Record<string, unknown>> | undefined;
  /** whether the signature is by that key */
  isBy(jwk: JsonWebKey): boolean;
  /** whether it is an HMAC by that key, base64url (external account binding, §7.3.4) */
  isByMac(key: string): boolean;
}

const json = (part: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as Record<string, unknown>;

/** @throws Error for what is no flattened JWS */
export const parseJws = (value: unknown): Jws => {
  const { protected: header, payload, signature } = value as Record<string, string | undefined>;
  if (header === undefined || payload === undefined || signature === undefined) throw new Error('no JWS');
  const signed = Buffer.from(`${header}.${payload}`);
  const fields = json(header) as Jws['header'];
  return {
    header: fields,
    payload: payload === '' ? undefined : json(payload),
    isBy: (jwk) =>
      verify(
        fields.alg === 'ES384' ? 'sha384' : 'sha256',
        signed,
        { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' },
        Buffer.from(signature, 'base64url'),
      ),
    isByMac: (key) =>
      createHmac('sha256', Buffer.from(key, 'base64url')).update(signed).digest('base64url') === signature,
  };
};

/** RFC 7638, for the key types an account may have. */
export const thumbprint = ({ kty, crv, x, y, e, n }: JsonWebKey): string =>
  createHash('sha256')
    .update(JSON.stringify(kty === 'RSA' ? { e, kty, n } : { crv, kty, x, y }))
    .digest('base64url');
