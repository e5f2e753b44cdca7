// Certificates in the storage, one value for each name, and the few before it. A certificate is checked before it is stored and
// when it is read. Who changes one holds the lock of its name: name-state.ts takes it.

import { LinkgateError } from '../../core/errors.ts';
import { readWhereReadable, type Storage } from '../../core/storage.ts';
import {
  checkCertificate,
  checkToServe,
  splitChain,
  type CertificateFacts,
  type KeyAndChain,
} from '../certificate/certificate.ts';
import { leafFacts } from '../certificate/leaf-facts.ts';
import { domainOf, formatCertificate, keyAndChainOf, originOf, type Origin } from './certificate-text.ts';
import { nameKey, nameOfKey } from './name-key.ts';
import { keepVersion, listVersions } from './versions.ts';

/** What is known of a name's certificate without its key. */
export interface KnownCertificate extends Origin, CertificateFacts {
  readonly domain: string;
}

export interface StoredCertificate extends KnownCertificate, KeyAndChain {}

export interface CertificateStore {
  /** @throws LinkgateError `ERR_CERT_INVALID` for a value that cannot be served, `ERR_STORAGE_UNREADABLE`, `ERR_STORAGE_UNAVAILABLE` */
  read(name: string): Promise<StoredCertificate | undefined>;
  /** The same for a caller that gives the certificate to `createSecureContext` next: what that function checks is left to it. */
  readToServe(name: string): Promise<StoredCertificate | undefined>;
  /**
   * The facts of `read` without a check of key, chain and name: a twentieth of the work, for plans of very many names.
   * @throws as `read`, for what is plain without that check
   */
  glance(name: string): Promise<KnownCertificate | undefined>;
  /**
   * Replaces the certificate of a name after a check of the new one. Only name-state.ts calls it.
   * @throws LinkgateError `ERR_CERT_INVALID`, `ERR_STORAGE_UNAVAILABLE`; the old one is then still there
   */
  write(name: string, certificate: KeyAndChain & Origin): Promise<StoredCertificate>;
  /** every name with a certificate, sorted */
  list(): Promise<readonly string[]>;
  /** serials of the earlier certificates that are kept */
  versions(name: string): Promise<readonly string[]>;
  /** Moves the certificate of a name to the archive. Does nothing when there is none. */
  archive(name: string): Promise<void>;
}

const PEM = '.pem';
const FOLDER = 'certificates';
const keyOf = (name: string): string => `${FOLDER}/${nameKey(name, PEM)}`;
/** undefined when the name is so long that its key is a digest */
const nameOf = (key: string): string | undefined => nameOfKey(key.slice(FOLDER.length + 1), PEM);

const invalid = (name: string, what: string): LinkgateError =>
  new LinkgateError('ERR_CERT_INVALID', `certificate for "${name}" ${what}`, { details: { domain: name } });

const mustHaveOrigin = (name: string, text: string): Origin => {
  const origin = originOf(text);
  if (origin === undefined) throw invalid(name, 'does not say where it came from in its first line');
  return origin;
};

export const createCertificateStore = ({ storage }: { readonly storage: Storage }): CertificateStore => {
  const readText = async (key: string): Promise<string | undefined> =>
    (await storage.read(key))?.toString('utf8');

  const readWith = async (
    check: typeof checkCertificate,
    name: string,
  ): Promise<StoredCertificate | undefined> => {
    const text = await readText(keyOf(name));
    if (text === undefined) return undefined;
    const origin = mustHaveOrigin(name, text);
    const keyAndChain = keyAndChainOf(text);
    if (keyAndChain === undefined) throw invalid(name, 'has no private key');
    return { domain: name, ...origin, ...keyAndChain, ...check(name, keyAndChain) };
  };

  const keepCopy = async (name: string, nextSerial?: string): Promise<void> =>
    keepVersion(storage, name, (await readText(keyOf(name))) ?? '', nextSerial);

  return {
    read: (name) => readWith(checkCertificate, name),
    readToServe: (name) => readWith(checkToServe, name),

    glance: async (name) => {
      const text = await readText(keyOf(name));
      if (text === undefined) return undefined;
      const facts = leafFacts(text);
      if (facts === undefined) throw invalid(name, 'has a chain that cannot be read');
      return { domain: name, ...mustHaveOrigin(name, text), ...facts };
    },

    write: async (name, { keyPem, chainPem, source, issuer, directory }) => {
      const origin: Origin = { source, issuer, ...(directory === undefined ? {} : { directory }) };
      const keyAndChain = { keyPem: `${keyPem.trim()}\n`, chainPem: splitChain(chainPem).join('') };
      const facts = checkCertificate(name, keyAndChain);
      // A copy of the old certificate is worth less than the new one: a copy that cannot be written stops nothing.
      await keepCopy(name, facts.serial).catch(() => {});
      const key = keyOf(name);
      const domain = nameOf(key) === undefined ? name : undefined;
      await storage.write(key, formatCertificate(origin, keyAndChain, domain));
      return { domain: name, ...origin, ...keyAndChain, ...facts };
    },

    list: async () => {
      const names: string[] = [];
      for (const key of await storage.list(FOLDER)) {
        const domain = nameOf(key) ?? domainOf(String((await readWhereReadable(storage, key)) ?? ''));
        if (domain !== undefined) names.push(domain);
      }
      return names.toSorted();
    },

    versions: (name) => listVersions(storage, name),

    archive: async (name) => {
      await keepCopy(name);
      await storage.remove(keyOf(name));
    },
  };
};
