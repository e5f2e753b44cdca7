// A small certificate authority for one test: a root to trust and leaves for any names, made on the spot.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import forge from 'node-forge';

export interface Leaf {
  readonly keyPem: string;
  /** leaf first, then the root */
  readonly chainPem: string;
  readonly context: SecureContext;
}

export interface Pki {
  /** PEM of the root: pass it as `ca` */
  readonly rootPem: string;
  /** a CA below this one: its `rootPem` is the intermediate, which its leaves send instead of the root */
  intermediate(): Pki;
  leaf(
    names: readonly string[],
    validity?: { notBeforeMs: number; notAfterMs: number },
    usage?: 'serverAuth' | 'clientAuth',
  ): Leaf;
}

const HOUR_MS = 3_600_000;

const rsaKey = (): { pem: string; key: forge.pki.rsa.PrivateKey } => {
  const pem = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
  }) as string;
  return { pem, key: forge.pki.privateKeyFromPem(pem) };
};

/** made once a process: tests are about names and chains, and a key costs a tenth of a second */
let leafKey: ReturnType<typeof rsaKey> | undefined;

const certificate = (
  subject: string,
  key: forge.pki.rsa.PrivateKey,
  issuer: { subject: string; key: forge.pki.rsa.PrivateKey },
  extensions: object[],
  { notBeforeMs, notAfterMs } = { notBeforeMs: Date.now() - HOUR_MS, notAfterMs: Date.now() + 24 * HOUR_MS },
): string => {
  const cert = forge.pki.createCertificate();
  cert.publicKey = forge.pki.setRsaPublicKey(key.n, key.e);
  cert.serialNumber = `01${randomBytes(15).toString('hex')}`;
  cert.validity.notBefore = new Date(notBeforeMs);
  cert.validity.notAfter = new Date(notAfterMs);
  cert.setSubject([{ name: 'commonName', value: subject }]);
  cert.setIssuer([{ name: 'commonName', value: issuer.subject }]);
  cert.setExtensions(extensions);
  cert.sign(issuer.key, forge.md.sha256.create());
  return forge.pki.certificateToPem(cert);
};

const altName = (name: string): object =>
  /^[\d.]+$/.test(name) ? { type: 7, ip: name } : { type: 2, value: name };

const CA_EXTENSIONS = [
  { name: 'basicConstraints', cA: true, critical: true },
  { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
];

const authority = (issuer: { subject: string; key: forge.pki.rsa.PrivateKey }, rootPem: string): Pki => ({
  rootPem,
  intermediate: () => {
    const { key } = rsaKey();
    const subject = 'linkgate test intermediate';
    return authority({ subject, key }, certificate(subject, key, issuer, CA_EXTENSIONS));
  },
  leaf: (names, validity, usage = 'serverAuth') => {
    leafKey ??= rsaKey();
    const { pem: keyPem, key } = leafKey;
    const leafPem = certificate(
      names[0] ?? 'leaf',
      key,
      issuer,
      [
        { name: 'basicConstraints', cA: false },
        { name: 'extKeyUsage', [usage]: true },
        { name: 'subjectAltName', altNames: names.map(altName) },
      ],
      validity,
    );
    const chainPem = leafPem + rootPem;
    return { keyPem, chainPem, context: createSecureContext({ key: keyPem, cert: chainPem }) };
  },
});

export const createPki = (): Pki => {
  const { key } = rsaKey();
  const issuer = { subject: 'linkgate test root', key };
  return authority(issuer, certificate(issuer.subject, key, issuer, CA_EXTENSIONS));
};

const shared = new Map<string, Pki>();

/** One authority per role and process, for tests that do not care which: making a root costs a tenth of a second. */
export const sharedPki = (role: string): Pki => {
  const pki = shared.get(role) ?? createPki();
  shared.set(role, pki);
  return pki;
};
