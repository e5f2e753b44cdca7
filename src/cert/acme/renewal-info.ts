// ACME Renewal Information (RFC 9773): the id of a certificate, and the CA's answer about it. Pure; acme-issuer.ts sends the
// request.

import { X509Certificate } from 'node:crypto';
import forge from 'node-forge';
import { LinkgateError } from '../../core/errors.ts';
import { splitChain } from '../certificate/certificate.ts';
import type { RenewalInfo } from '../issuers/issuer.ts';

const AUTHORITY_KEY_IDENTIFIER = '2.5.29.35';
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** without a Retry-After (RFC 9773 §4.3.2) */
const ASK_AGAIN_MS = 6 * 60 * MINUTE_MS;

const base64url = (binary: string): string => Buffer.from(binary, 'binary').toString('base64url');

const childrenOf = (element: forge.asn1.Asn1 | undefined): readonly forge.asn1.Asn1[] =>
  Array.isArray(element?.value) ? element.value : [];

const bytesOf = (element: forge.asn1.Asn1 | undefined): string =>
  typeof element?.value === 'string' ? element.value : '';

const parse = (der: string): forge.asn1.Asn1 =>
  forge.asn1.fromDer(der, { decodeBitStrings: false } as unknown as boolean);

/** keyIdentifier, `[0]` of AuthorityKeyIdentifier (RFC 5280 §4.2.1.1) */
const authorityKey = (extensions: readonly forge.asn1.Asn1[]): string => {
  const wanted = forge.asn1.oidToDer(AUTHORITY_KEY_IDENTIFIER).getBytes();
  const found = extensions.find((one) => bytesOf(childrenOf(one)[0]) === wanted);
  const value = bytesOf(childrenOf(found).at(-1));
  const isKeyIdentifier = ({ tagClass, type }: forge.asn1.Asn1): boolean =>
    tagClass === forge.asn1.Class.CONTEXT_SPECIFIC && Number(type) === 0;
  return value === '' ? '' : bytesOf(childrenOf(parse(value)).find(isKeyIdentifier));
};

/**
 * The id of a certificate (RFC 9773 §4.1): base64url of its authority key identifier, a dot, base64url of the bytes of
 * its serial number, the leading zero of the encoding kept.
 * @param chainPem - leaf first
 * @returns undefined for a certificate without an authority key identifier, or one that cannot be read
 */
export const certificateId = (chainPem: string): string | undefined => {
  try {
    const { raw } = new X509Certificate(splitChain(chainPem)[0] ?? '');
    const fields = childrenOf(childrenOf(parse(raw.toString('binary')))[0]);
    const serial = bytesOf(fields.find(({ type }) => type === forge.asn1.Type.INTEGER));
    const isExtensions = ({ tagClass, type }: forge.asn1.Asn1): boolean =>
      tagClass === forge.asn1.Class.CONTEXT_SPECIFIC && Number(type) === 3;
    const key = authorityKey(childrenOf(childrenOf(fields.find(isExtensions))[0]));
    return key === '' || serial === '' ? undefined : `${base64url(key)}.${base64url(serial)}`;
  } catch {
    return undefined;
  }
};

const time = (value: unknown): number => (typeof value === 'string' ? Date.parse(value) : Number.NaN);

const pageOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value.length <= 2000 && /^https?:\/\/[!-~]+$/.test(value) ? value : undefined;

/**
 * Reads a RenewalInfo object (RFC 9773 §4.2).
 * @param retryAfterMs - from the Retry-After of the response
 * @throws LinkgateError `ERR_ACME_UNREACHABLE` for one that makes no sense
 */
export const parseRenewalInfo = (value: unknown, retryAfterMs = ASK_AGAIN_MS): RenewalInfo => {
  const { suggestedWindow, explanationURL } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const { start, end } = (suggestedWindow ?? {}) as Readonly<Record<string, unknown>>;
  const [windowStartMs, windowEndMs] = [time(start), time(end)];
  if (!(windowStartMs < windowEndMs)) {
    throw new LinkgateError('ERR_ACME_UNREACHABLE', 'CA sent renewal information that makes no sense');
  }
  const explanationUrl = pageOf(explanationURL);
  return {
    windowStartMs,
    windowEndMs,
    retryAfterMs: Math.min(Math.max(retryAfterMs, MINUTE_MS), DAY_MS),
    ...(explanationUrl === undefined ? {} : { explanationUrl }),
  };
};
