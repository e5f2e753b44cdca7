// The chain of a CA and its alternates (RFC 8555 §7.4.2): which one to take, and whether its certificates belong together. Fetches
// nothing.

import { X509Certificate } from 'node:crypto';
import { LinkgateError } from '../../core/errors.ts';
import { splitChain } from '../certificate/certificate.ts';

/** more are ignored */
const MOST_ALTERNATES = 4;

/** The addresses of the alternates in Link fields (RFC 8288 §3), absolute. */
export const alternateUrls = (link: string | undefined, base: string): readonly string[] =>
  [...(link ?? '').slice(0, 8192).matchAll(/<([^<>]{1,2000})>\s*;[^<,]*\brel\s*=\s*"?alternate"?/gi)]
    .map(([, url = '']) => (URL.canParse(url, base) ? new URL(url, base).href : ''))
    .filter((url) => url !== '')
    .slice(0, MOST_ALTERNATES);

const commonNames = (distinguishedName: string): readonly string[] =>
  distinguishedName
    .split('\n')
    .filter((line) => line.startsWith('CN='))
    .map((line) => line.slice(3));

/** Whether a chain has a certificate with that common name above the leaf. False for a chain that cannot be read. */
export const leadsTo = (chainPem: string, commonName: string): boolean => {
  try {
    return splitChain(chainPem)
      .map((pem) => new X509Certificate(pem))
      .some(({ issuer }) => commonNames(issuer).includes(commonName));
  } catch {
    return false;
  }
};

/**
 * Checks that each certificate of a chain was signed by the next one, so that clients can follow it.
 * @throws LinkgateError `ERR_CERT_INVALID`
 */
export const checkIssuance = (name: string, chainPem: string): void => {
  const chain = splitChain(chainPem).map((pem) => new X509Certificate(pem));
  for (const [index, certificate] of chain.entries()) {
    const issuer = chain[index + 1];
    if (issuer === undefined) return;
    if (certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)) continue;
    throw new LinkgateError(
      'ERR_CERT_INVALID',
      `certificate for "${name}" has a chain whose certificate ${index + 2} did not sign the one before it`,
      { details: { domain: name } },
    );
  }
};
