// The internal CA, for try-outs and private networks: a root kept in the storage, made once, and short-lived leaves. node-forge
// builds the certificates; keys and signatures are Node's own. Must never be trusted by anybody who did not ask for it.

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import forge from 'node-forge';
import type { Clock } from '../../core/clock.ts';
import { GateError } from '../../core/errors.ts';
import type { KeyType } from '../../core/settings.ts';
import type { Storage } from '../../core/storage.ts';
import { checkCertificate, splitChain, type KeyAndChain } from '../certificate.ts';
import { createPrivateKeyPem } from '../private-key.ts';
import type { Issuer } from './issuer.ts';

export interface LocalIssuerOptions {
  readonly storage: Storage;
  readonly keyType: KeyType;
  readonly clock: Clock;
}

export interface LocalIssuer extends Issuer {
  /** PEM of the root, made when there is none yet: what clients have to trust. @throws GateError `ERR_STORAGE_*` */
  rootPem(signal: AbortSignal): Promise<string>;
}

const DAY_MS = 86_400_000;
const ROOT_LIFETIME_MS = 3650 * DAY_MS;
const LEAF_LIFETIME_MS = 7 * DAY_MS;
/** for clients whose clocks are behind */
const BACKDATED_MS = 5 * 60_000;
const ROOT_KEY = 'local-ca/root.pem';
/** without a dot, so never the lock of a name */
const ROOT_LOCK = 'local-ca';

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

/** Left out of the types of node-forge. */
const { getTBSCertificate } = forge.pki as unknown as {
  getTBSCertificate(certificate: forge.pki.Certificate): forge.asn1.Asn1;
};

/** node-forge would take the identifier of the key it holds, which is not the leaf's. */
const subjectKeyIdentifier = (identifier: string): object => {
  const { asn1 } = forge;
  const value = asn1.create(asn1.Class.UNIVERSAL, asn1.Type.OCTETSTRING, false, identifier);
  return { id: '2.5.29.14', critical: false, value };
};

interface Blueprint {
  readonly subject: readonly forge.pki.CertificateField[];
  readonly issuer: readonly forge.pki.CertificateField[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** PKCS#8 PEM of the key the certificate is for */
  readonly keyPem: string;
  /** PKCS#8 PEM of the root's key */
  readonly signerPem: string;
  readonly extensions: (identifiers: { subject: string; signer: string }) => readonly object[];
}

const publicKeyInfo = (keyPem: string): forge.asn1.Asn1 =>
  forge.asn1.fromDer(
    createPublicKey(keyPem).export({ type: 'spki', format: 'der' }).toString('binary'),
    // Keeps the bits of the key as they are, instead of guessing at a structure within.
    { decodeBitStrings: false } as unknown as boolean,
  );

/**
 * Builds and signs a certificate. node-forge can hold only RSA public keys, so its place in the TBSCertificate is filled
 * with the element Node exports, and the whole is signed by Node.
 */
const buildCertificate = (blueprint: Blueprint): string => {
  const { asn1, pki } = forge;
  const spki = publicKeyInfo(blueprint.keyPem);
  const signerSpki = publicKeyInfo(blueprint.signerPem);
  const certificate = pki.createCertificate();
  certificate.serialNumber = randomSerial();
  certificate.validity.notBefore = new Date(blueprint.notBeforeMs);
  certificate.validity.notAfter = new Date(blueprint.notAfterMs);
  certificate.setSubject([...blueprint.subject]);
  certificate.setIssuer([...blueprint.issuer]);
  certificate.publicKey = pki.publicKeyFromPem(
    createPublicKey(blueprint.signerPem).export({ type: 'spki', format: 'pem' }).toString(),
  );
  const identifiers = { subject: keyIdentifier(spki), signer: keyIdentifier(signerSpki) };
  certificate.setExtensions([...blueprint.extensions(identifiers)]);
  certificate.signatureOid = certificate.siginfo.algorithmOid = pki.oids['sha256WithRSAEncryption'] ?? '';

  const tbs = getTBSCertificate(certificate);
  const fields = tbs.value as forge.asn1.Asn1[];
  // TBSCertificate (RFC 5280 §4.1): version, serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo…
  fields[6] = spki;
  const algorithm = fields[2];
  if (algorithm === undefined) throw new Error('certificate has no signature algorithm');
  const signature = sign(
    'sha256',
    Buffer.from(asn1.toDer(tbs).getBytes(), 'binary'),
    createPrivateKey(blueprint.signerPem),
  );
  const whole = asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SEQUENCE, true, [
    tbs,
    algorithm,
    asn1.create(asn1.Class.UNIVERSAL, asn1.Type.BITSTRING, false, `\0${signature.toString('binary')}`),
  ]);
  return new X509Certificate(Buffer.from(asn1.toDer(whole).getBytes(), 'binary')).toString();
};

const createRoot = async (nowMs: number): Promise<KeyAndChain> => {
  const keyPem = await createPrivateKeyPem('rsa-2048');
  const name = [
    { name: 'organizationName', value: 'linkgate' },
    // Two roots never have one name, or a client that knows both would try the wrong one.
    { name: 'commonName', value: `linkgate local CA ${randomBytes(4).toString('hex')}` },
  ];
  const chainPem = buildCertificate({
    subject: name,
    issuer: name,
    notBeforeMs: nowMs - BACKDATED_MS,
    notAfterMs: nowMs + ROOT_LIFETIME_MS,
    keyPem,
    signerPem: keyPem,
    extensions: ({ subject }) => [
      { name: 'basicConstraints', critical: true, cA: true, pathLenConstraint: 0 },
      { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true },
      subjectKeyIdentifier(subject),
    ],
  });
  return { keyPem, chainPem };
};

const LONGEST_COMMON_NAME = 64;

const createLeaf = async (
  name: string,
  { root, keyType, nowMs }: { readonly root: KeyAndChain; readonly keyType: KeyType; readonly nowMs: number },
): Promise<KeyAndChain> => {
  const keyPem = await createPrivateKeyPem(keyType);
  const rootCertificate = forge.pki.certificateFromPem(root.chainPem);
  const hasSubject = name.length <= LONGEST_COMMON_NAME;
  const chainPem = buildCertificate({
    subject: hasSubject ? [{ name: 'commonName', value: name }] : [],
    issuer: rootCertificate.subject.attributes,
    notBeforeMs: nowMs - BACKDATED_MS,
    notAfterMs: Math.min(nowMs + LEAF_LIFETIME_MS, rootCertificate.validity.notAfter.getTime()),
    keyPem,
    signerPem: root.keyPem,
    extensions: ({ subject, signer }) => [
      { name: 'basicConstraints', critical: true, cA: false },
      {
        name: 'keyUsage',
        critical: true,
        digitalSignature: true,
        ...(keyType === 'rsa-2048' ? { keyEncipherment: true } : {}),
      },
      { name: 'extKeyUsage', serverAuth: true },
      // Critical when there is no subject (RFC 5280 §4.2.1.6).
      { name: 'subjectAltName', critical: !hasSubject, altNames: [{ type: 2, value: name }] },
      subjectKeyIdentifier(subject),
      { name: 'authorityKeyIdentifier', keyIdentifier: signer },
    ],
  });
  return { keyPem, chainPem };
};

/**
 * The stored root, undefined when there is none, or none that can still sign a leaf for its whole lifetime. One that is
 * broken is never replaced: clients trust it, and only a person can say what happened.
 */
const parseRoot = (text: string, nowMs: number): KeyAndChain | undefined => {
  if (text === '') return undefined;
  try {
    const keyPem =
      /-----BEGIN PRIVATE KEY-----[A-Za-z0-9+/=\s]*-----END PRIVATE KEY-----/.exec(text)?.[0] ?? '';
    const chainPem = splitChain(text)[0] ?? '';
    const certificate = new X509Certificate(chainPem);
    if (!certificate.checkPrivateKey(createPrivateKey(keyPem))) throw new Error('key does not match');
    if (Date.parse(certificate.validTo) <= nowMs + LEAF_LIFETIME_MS) return undefined;
    return { keyPem: `${keyPem}\n`, chainPem };
  } catch (error) {
    throw new GateError('ERR_CERT_INVALID', `root of the local CA at "${ROOT_KEY}" cannot be used`, {
      cause: error,
    });
  }
};

/** The internal CA on a storage. Leaves last 7 days and are renewed by the same loop as all others. */
export const createLocalIssuer = ({ storage, keyType, clock }: LocalIssuerOptions): LocalIssuer => {
  const stored = async (): Promise<KeyAndChain | undefined> =>
    parseRoot(String((await storage.read(ROOT_KEY)) ?? ''), clock.now());

  const findRoot = async (signal: AbortSignal): Promise<KeyAndChain> => {
    const root = await stored();
    if (root !== undefined) return root;
    const lock = await storage.lock(ROOT_LOCK, signal);
    try {
      // Another process may have made it while this one waited.
      const made = await stored();
      if (made !== undefined) return made;
      const fresh = await createRoot(clock.now());
      await storage.write(ROOT_KEY, fresh.keyPem + fresh.chainPem);
      return fresh;
    } finally {
      await lock.release();
    }
  };

  return {
    source: 'local',
    issuer: 'local',
    rootPem: async (signal) => (await findRoot(signal)).chainPem,
    obtain: async (name, signal) => {
      signal.throwIfAborted();
      const root = await findRoot(signal);
      const leaf = await createLeaf(name, { root, keyType, nowMs: clock.now() });
      checkCertificate(name, leaf);
      return leaf;
    },
  };
};
