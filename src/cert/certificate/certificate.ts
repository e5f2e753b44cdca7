// What makes a key and a chain a certificate for a name. Every chain passes here before it is handed on, stored or served:
// what came from a CA and what came from the disk alike. Must not read or write anything.

import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { LinkgateError } from '../../core/errors.ts';

/** Facts of the leaf. */
export interface CertificateFacts {
  /** lower-case hex */
  readonly serial: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** SHA-256 of the leaf, lower-case hex: tells whether two are the same */
  readonly fingerprint: string;
}

export interface KeyAndChain {
  /** PKCS#8 PEM */
  readonly keyPem: string;
  /** PEM, leaf first */
  readonly chainPem: string;
}

const BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]*-----END CERTIFICATE-----/g;
/** far above any chain; what is longer is not worth parsing */
const LONGEST_CHAIN_CHARS = 256 * 1024;
const MOST_CERTIFICATES = 10;

/** Each certificate of a PEM text on its own, whether or not line ends separate them (RFC 7468 §2). */
export const splitChain = (chainPem: string): readonly string[] =>
  (chainPem.match(BLOCK) ?? []).map((block) => `${block}\n`);

const invalid = (name: string, what: string, cause?: unknown): LinkgateError =>
  new LinkgateError('ERR_CERT_INVALID', `certificate for "${name}" ${what}`, {
    cause,
    details: { domain: name },
  });

const parseKey = (name: string, keyPem: string): KeyObject => {
  try {
    return createPrivateKey(keyPem);
  } catch (error) {
    throw invalid(name, 'has a private key that cannot be read', error);
  }
};

const parseCertificate = (name: string, pem: string): X509Certificate => {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw invalid(name, 'has a chain that cannot be read', error);
  }
};

/**
 * Checks that the chain can be served for `name` with that key. Says nothing about the present time: an expired
 * certificate is still a well-formed one.
 * @throws LinkgateError `ERR_CERT_INVALID`
 */
export const checkCertificate = (name: string, { keyPem, chainPem }: KeyAndChain): CertificateFacts => {
  if (chainPem.length > LONGEST_CHAIN_CHARS) throw invalid(name, 'has a chain that is too long');
  const chain = splitChain(chainPem).map((pem) => parseCertificate(name, pem));
  const leaf = chain[0];
  if (leaf === undefined) throw invalid(name, 'has no certificate in its chain');
  if (chain.length > MOST_CERTIFICATES) throw invalid(name, 'has a chain that is too long');
  if (!leaf.checkPrivateKey(parseKey(name, keyPem))) throw invalid(name, 'does not match its private key');
  return factsOf(name, leaf);
};

const factsOf = (name: string, leaf: X509Certificate): CertificateFacts => {
  if (leaf.checkHost(name, { subject: 'never' }) === undefined) {
    throw invalid(name, `is for other names: ${(leaf.subjectAltName ?? 'none').slice(0, 300)}`);
  }
  const [notBeforeMs, notAfterMs] = [Date.parse(leaf.validFrom), Date.parse(leaf.validTo)];
  if (!(notBeforeMs < notAfterMs)) throw invalid(name, 'has dates that make no sense');
  return {
    serial: leaf.serialNumber.toLowerCase(),
    notBeforeMs,
    notAfterMs,
    fingerprint: leaf.fingerprint256.replaceAll(':', '').toLowerCase(),
  };
};

/** Algorithm of a PKCS#8 key (RFC 5208 §5), by the kind of Node's KeyObject. */
const ALGORITHMS: Readonly<Record<string, Buffer>> = {
  ec: Buffer.from('2a8648ce3d0201', 'hex'),
  rsa: Buffer.from('2a864886f70d010101', 'hex'),
};

/** Whether a key is of the leaf's kind, by its first bytes alone; false also where that cannot be said. */
const isOfKind = (keyPem: string, leaf: X509Certificate): boolean => {
  const algorithm = ALGORITHMS[leaf.publicKey.asymmetricKeyType ?? ''];
  const start = keyPem.indexOf('\n') + 1;
  // version and lengths come before it, nothing else
  return (
    algorithm !== undefined && Buffer.from(keyPem.slice(start, start + 44), 'base64').includes(algorithm)
  );
};

/**
 * {@link checkCertificate} for one that is given to OpenSSL at once: `createSecureContext` reads key and chain itself, and refuses
 * a key of the leaf's kind that is not the leaf's. Reading them twice costs a handshake 0.5 ms on Node 20.
 * @throws LinkgateError `ERR_CERT_INVALID`
 */
export const checkToServe = (name: string, keyAndChain: KeyAndChain): CertificateFacts => {
  const { keyPem, chainPem } = keyAndChain;
  if (chainPem.length > LONGEST_CHAIN_CHARS) throw invalid(name, 'has a chain that is too long');
  const chain = splitChain(chainPem);
  const [first] = chain;
  if (first === undefined) throw invalid(name, 'has no certificate in its chain');
  if (chain.length > MOST_CERTIFICATES) throw invalid(name, 'has a chain that is too long');
  const leaf = parseCertificate(name, first);
  // OpenSSL keeps a key of another kind beside the leaf without a word
  return isOfKind(keyPem, leaf) ? factsOf(name, leaf) : checkCertificate(name, keyAndChain);
};
