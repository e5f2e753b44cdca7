// Certificates that this program signs: those of the local CA and the challenge certificates of tls-alpn-01. node-forge builds them, Node
// makes keys and signatures. Does not decide what is in a certificate, and keeps none.

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  randomBytes,
  sign,
  X509Certificate,
  type KeyObject,
} from 'node:crypto';
import forge from 'node-forge';

/** 128 bits, positive and without leading zeros (RFC 5280 §4.1.2.2). */
const randomSerial = (): string => {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
};

/** SHA-1 of the public key's bits, as a raw string (RFC 5280 §4.2.1.2, method 1). */
const keyIdentifier = (spki: forge.asn1.Asn1): string => {
  const bits = (spki.value as forge.asn1.Asn1[])[1]?.value;
  if (typeof bits !== 'string') throw new TypeError('public key has no bits');
  // The first octet counts unused bits.
  return createHash('sha1').update(bits.slice(1), 'binary').digest('binary');
};

/** Missing in the types of node-forge. */
const { getTBSCertificate } = forge.pki as unknown as {
  getTBSCertificate(certificate: forge.pki.Certificate): forge.asn1.Asn1;
};

/** node-forge would use the identifier of the key that it holds, which is not the leaf's. */
export const subjectKeyIdentifier = (identifier: string): object => {
  const { asn1 } = forge;
  const value = asn1.create(asn1.Class.UNIVERSAL, asn1.Type.OCTETSTRING, false, identifier);
  return { id: '2.5.29.14', critical: false, value };
};

export interface Blueprint {
  readonly subject: readonly forge.pki.CertificateField[];
  readonly issuer: readonly forge.pki.CertificateField[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** PKCS#8 PEM of the key the certificate is for */
  readonly keyPem: string;
  /** PKCS#8 PEM of the key that signs it: RSA, or ECDSA with P-256 or P-384 */
  readonly signerPem: string;
  readonly extensions: (identifiers: { subject: string; signer: string }) => readonly object[];
}

const publicKeyInfo = (keyPem: string): forge.asn1.Asn1 =>
  forge.asn1.fromDer(
    createPublicKey(keyPem).export({ type: 'spki', format: 'der' }).toString('binary'),
    // Keeps the bits of the key as they are.
    { decodeBitStrings: false } as unknown as boolean,
  );

const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';

/** AlgorithmIdentifier (RFC 5280 §4.1.1.2): RSA has NULL parameters, ECDSA has none (RFC 5758 §3.2). */
const signatureAlgorithm = (signer: KeyObject): forge.asn1.Asn1 => {
  const { asn1, pki } = forge;
  const isRsa = signer.asymmetricKeyType === 'rsa';
  const oid = isRsa ? (pki.oids['sha256WithRSAEncryption'] ?? '') : ECDSA_WITH_SHA256;
  const { UNIVERSAL } = asn1.Class;
  return asn1.create(UNIVERSAL, asn1.Type.SEQUENCE, true, [
    asn1.create(UNIVERSAL, asn1.Type.OID, false, asn1.oidToDer(oid).getBytes()),
    ...(isRsa ? [asn1.create(UNIVERSAL, asn1.Type.NULL, false, '')] : []),
  ]);
};

/**
 * Builds and signs a certificate (PEM). node-forge knows RSA only, so the algorithm and the public key in its TBSCertificate are replaced
 * here, and Node signs the result.
 */
export const buildCertificate = (blueprint: Blueprint): string => {
  const { asn1, pki } = forge;
  const signer = createPrivateKey(blueprint.signerPem);
  const spki = publicKeyInfo(blueprint.keyPem);
  const certificate = pki.createCertificate();
  certificate.serialNumber = randomSerial();
  certificate.validity.notBefore = new Date(blueprint.notBeforeMs);
  certificate.validity.notAfter = new Date(blueprint.notAfterMs);
  certificate.setSubject([...blueprint.subject]);
  certificate.setIssuer([...blueprint.issuer]);
  // Any key: it is replaced below.
  certificate.publicKey = pki.setRsaPublicKey(new forge.jsbn.BigInteger('3'), new forge.jsbn.BigInteger('3'));
  const identifiers = {
    subject: keyIdentifier(spki),
    signer: keyIdentifier(publicKeyInfo(blueprint.signerPem)),
  };
  certificate.setExtensions([...blueprint.extensions(identifiers)]);
  certificate.signatureOid = certificate.siginfo.algorithmOid = pki.oids['sha256WithRSAEncryption'] ?? '';

  const tbs = getTBSCertificate(certificate);
  const fields = tbs.value as forge.asn1.Asn1[];
  const algorithm = signatureAlgorithm(signer);
  // TBSCertificate (RFC 5280 §4.1): version, serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo…
  fields[2] = algorithm;
  fields[6] = spki;
  const signature = sign('sha256', Buffer.from(asn1.toDer(tbs).getBytes(), 'binary'), signer);
  const whole = asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SEQUENCE, true, [
    tbs,
    algorithm,
    asn1.create(asn1.Class.UNIVERSAL, asn1.Type.BITSTRING, false, `\0${signature.toString('binary')}`),
  ]);
  return new X509Certificate(Buffer.from(asn1.toDer(whole).getBytes(), 'binary')).toString();
};
