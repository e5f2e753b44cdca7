// A small certificate authority for one test: a root to trust and leaves for any names, made on the spot.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import { fileURLToPath } from 'node:url';
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

const KEYS = fileURLToPath(new URL('../../node_modules/.cache/linkgate-tests/keys', import.meta.url));
let keysTaken = 0;

const generate = (): string =>
  generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
  }) as string;

/** A key that no one else in this process has. Making one costs a tenth of a second, so processes of tests share what is kept. */
const rsaKey = (): { pem: string; key: forge.pki.rsa.PrivateKey } => {
  keysTaken += 1;
  const kept = join(KEYS, `${keysTaken}.pem`);
  try {
    const pem = readFileSync(kept, 'utf8');
    return { pem, key: forge.pki.privateKeyFromPem(pem) };
  } catch {
    // not made yet
  }
  const pem = generate();
  mkdirSync(KEYS, { recursive: true, mode: 0o700 });
  writeFileSync(`${kept}.${process.pid}`, pem, { mode: 0o600 });
  renameSync(`${kept}.${process.pid}`, kept);
  return { pem, key: forge.pki.privateKeyFromPem(pem) };
};

interface Signer {
  readonly subject: string;
  /** the key may be that of another process's authority: this tells the names apart */
  readonly mark?: string;
  readonly key: forge.pki.rsa.PrivateKey;
}

const mark = (): string => randomBytes(4).toString('hex');

const distinguishedName = ({ subject, mark }: Omit<Signer, 'key'>): forge.pki.CertificateField[] => [
  { name: 'commonName', value: subject },
  ...(mark === undefined ? [] : [{ type: '2.5.4.5', value: mark }]),
];

/** made once a process: tests are about names and chains, and a key costs a tenth of a second */
let leafKey: ReturnType<typeof rsaKey> | undefined;

const certificate = (
  subject: Omit<Signer, 'key'>,
  key: forge.pki.rsa.PrivateKey,
  issuer: Signer,
  extensions: object[],
  { notBeforeMs, notAfterMs } = { notBeforeMs: Date.now() - HOUR_MS, notAfterMs: Date.now() + 24 * HOUR_MS },
): string => {
  const cert = forge.pki.createCertificate();
  cert.publicKey = forge.pki.setRsaPublicKey(key.n, key.e);
  cert.serialNumber = `01${randomBytes(15).toString('hex')}`;
  cert.validity.notBefore = new Date(notBeforeMs);
  cert.validity.notAfter = new Date(notAfterMs);
  cert.setSubject(distinguishedName(subject));
  cert.setIssuer(distinguishedName(issuer));
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

const authority = (issuer: Signer, rootPem: string): Pki => ({
  rootPem,
  intermediate: () => {
    const { key } = rsaKey();
    const own: Signer = { subject: 'linkgate test intermediate', mark: mark(), key };
    return authority(own, certificate(own, key, issuer, CA_EXTENSIONS));
  },
  leaf: (names, validity, usage = 'serverAuth') => {
    leafKey ??= rsaKey();
    const { pem: keyPem, key } = leafKey;
    const leafPem = certificate(
      { subject: names[0] ?? 'leaf' },
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
  const issuer: Signer = { subject: 'linkgate test root', mark: mark(), key };
  return authority(issuer, certificate(issuer, key, issuer, CA_EXTENSIONS));
};

const shared = new Map<string, Pki>();

/** One authority per role and process, for tests that do not care which: making a root costs a tenth of a second. */
export const sharedPki = (role: string): Pki => {
  const pki = shared.get(role) ?? createPki();
  shared.set(role, pki);
  return pki;
};
