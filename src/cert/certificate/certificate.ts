// Checks that a key and a chain are a certificate for a name. Every chain is checked here before it is stored or served, whether it
// comes from a CA or from the disk. Reads and writes nothing.

import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { LinkgateError } from '../../core/errors.ts';

/** Facts of the leaf. */
export interface CertificateFacts {
  /** lower-case hex */
  readonly serial: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** SHA-256 of the leaf, lower-case hex */
  readonly fingerprint: string;
}

export interface KeyAndChain {
  /** PKCS#8 PEM */
  readonly keyPem: string;
  /** PEM, leaf first */
  readonly chainPem: string;
}

const BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]*-----END CERTIFICATE-----/g;
/** far above any real chain; a longer text is not parsed */
const LONGEST_CHAIN_CHARS = 256 * 1024;
const MOST_CERTIFICATES = 10;

/** The certificates of a PEM text. Line ends between them may be missing (RFC 7468 §2). */
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
 * Checks that the chain can be served for `name` with that key. The present time does not matter: an expired certificate passes.
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

/** Whether the key has the algorithm of the leaf, by its first bytes alone. False when that is not clear. */
const isOfKind = (keyPem: string, leaf: X509Certificate): boolean => {
  const algorithm = ALGORITHMS[leaf.publicKey.asymmetricKeyType ?? ''];
  const start = keyPem.indexOf('\n') + 1;
  // Only the version and lengths come before it.
  return (
    algorithm !== undefined && Buffer.from(keyPem.slice(start, start + 44), 'base64').includes(algorithm)
  );
};

/**
 * {@link checkCertificate} for a chain that goes to OpenSSL next: `createSecureContext` reads key and chain itself, and refuses a key of
 * the same algorithm that is not the leaf's. Reading both twice costs a handshake 0.5 ms on Node 20.
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
  // OpenSSL accepts a key of another algorithm, and reports nothing.
  return isOfKind(keyPem, leaf) ? factsOf(name, leaf) : checkCertificate(name, keyAndChain);
};
