// The internal CA, for try-outs and private networks: one root, made once and kept in the storage, and leaves with a short life. Nothing
// here makes a machine trust the root.

import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import forge from 'node-forge';
import type { Clock } from '../../core/platform/clock.ts';
import { LinkgateError } from '../../core/errors.ts';
import type { KeyType } from '../../core/settings.ts';
import type { Storage } from '../../core/storage.ts';
import { buildCertificate, subjectKeyIdentifier } from '../certificate/build-certificate.ts';
import { checkCertificate, splitChain, type KeyAndChain } from '../certificate/certificate.ts';
import { createPrivateKeyPem } from '../certificate/private-key.ts';
import type { Issuer } from '../issuers/issuer.ts';

export interface LocalIssuerOptions {
  readonly storage: Storage;
  readonly keyType: KeyType;
  /** the names that have another key type */
  readonly keyTypes?: ReadonlyMap<string, KeyType>;
  readonly clock: Clock;
}

export interface LocalIssuer extends Issuer {
  /** PEM of the root, which clients have to trust; made when there is none yet. @throws LinkgateError `ERR_STORAGE_*` */
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

const createRoot = async (nowMs: number): Promise<KeyAndChain> => {
  const keyPem = await createPrivateKeyPem('rsa-2048');
  const name = [
    { name: 'organizationName', value: 'linkgate' },
    // A client that knows two roots of one name would try the wrong one.
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
 * The stored root; undefined when there is none, or when it expires before a new leaf would. A broken root is never replaced: clients
 * trust it, and only a person can find out what happened.
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
    throw new LinkgateError('ERR_CERT_INVALID', `root of the local CA at "${ROOT_KEY}" cannot be used`, {
      cause: error,
    });
  }
};

/** The internal CA on a storage. Leaves last 7 days; the renewal loop renews them as all others. */
export const createLocalIssuer = (options: LocalIssuerOptions): LocalIssuer => {
  const { storage, clock } = options;
  const stored = async (): Promise<KeyAndChain | undefined> =>
    parseRoot(String((await storage.read(ROOT_KEY)) ?? ''), clock.now());

  const findRoot = async (signal: AbortSignal): Promise<KeyAndChain> => {
    const root = await stored();
    if (root !== undefined) return root;
    const lock = await storage.lock(ROOT_LOCK, signal);
    try {
      // Another process may have made it in the meantime.
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
      const keyType = options.keyTypes?.get(name) ?? options.keyType;
      const leaf = await createLeaf(name, { root, keyType, nowMs: clock.now() });
      checkCertificate(name, leaf);
      return leaf;
    },
  };
};
