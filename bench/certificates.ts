// The bench's own CA and a certificate for each domain, every one with a key of its own, made once and kept under
// bench/.cache. One folder serves all targets: NAME.pem holds key, leaf and intermediate, in linkgate's storage layout.

import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { certificateDer, pemOf, type CertificatePlan } from './certificate-der.ts';
import { domainName } from './names.ts';

const CACHE = fileURLToPath(new URL('.cache', import.meta.url));
const DAY_MS = 86_400_000;
const LIFETIME_MS = 90 * DAY_MS;
/** so that none comes up for renewal in a run */
const MAKE_ANEW_MS = 20 * DAY_MS;

/** TLS name of the upstream, which the targets verify. */
export const UPSTREAM_NAME = 'tracker.bench.example';

export interface Authority {
  readonly rootFile: string;
  /** what the load trusts: its verification of a leaf is then one signature, and the chain is sent whole all the same */
  readonly intermediatePem: string;
  /** a fresh leaf: key, leaf and intermediate in one PEM text */
  issue(name: string): string;
}

type Validity = Pick<CertificatePlan, 'notBeforeMs' | 'notAfterMs'>;

const newKey = (): { readonly key: KeyObject; readonly pem: string; readonly spkiDer: Buffer } => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    key: privateKey,
    pem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    spkiDer: publicKey.export({ type: 'spki', format: 'der' }),
  };
};

const validity = (): Validity => ({ notBeforeMs: Date.now() - DAY_MS, notAfterMs: Date.now() + LIFETIME_MS });

const makeAuthority = (folder: string): void => {
  rmSync(CACHE, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const [root, intermediate] = [newKey(), newKey()];
  const rootName = 'linkgate bench root';
  const common = { ...validity(), issuer: rootName, signer: root.key };
  const rootDer = certificateDer({ ...common, serial: 1, subject: rootName, spkiDer: root.spkiDer });
  const der = certificateDer({
    ...common,
    serial: 2,
    subject: 'linkgate bench intermediate',
    spkiDer: intermediate.spkiDer,
  });
  writeFileSync(join(folder, 'root.pem'), pemOf('CERTIFICATE', rootDer));
  writeFileSync(join(folder, 'intermediate.pem'), pemOf('CERTIFICATE', der));
  writeFileSync(join(folder, 'intermediate.key'), intermediate.pem, { mode: 0o600 });
};

/** Opens the cached authority, or makes one, which empties the cache. */
export const openAuthority = (): Authority => {
  const folder = join(CACHE, 'authority');
  const keyFile = join(folder, 'intermediate.key');
  const isFresh = existsSync(keyFile) && Date.now() - statSync(keyFile).mtimeMs < MAKE_ANEW_MS;
  if (!isFresh) makeAuthority(folder);
  const signer = createPrivateKey(readFileSync(keyFile, 'utf8'));
  const intermediatePem = readFileSync(join(folder, 'intermediate.pem'), 'utf8');
  let serial = Date.now();
  return {
    rootFile: join(folder, 'root.pem'),
    intermediatePem,
    issue: (name) => {
      const { pem, spkiDer } = newKey();
      serial += 1;
      const issuer = 'linkgate bench intermediate';
      const der = certificateDer({ ...validity(), serial, subject: '', issuer, spkiDer, signer, name });
      return pem + pemOf('CERTIFICATE', der) + intermediatePem;
    },
  };
};

/** The first line of a certificate in linkgate's storage; every PEM reader skips it (RFC 7468 §2). */
const ORIGIN = 'linkgate: {"version":1,"source":"import","issuer":"import"}\n';

export interface DomainFiles {
  readonly count: number;
  /** a storage of linkgate: the certificates lie in its `certificates/` */
  readonly storage: string;
  /** `certificates/` of the storage, one `NAME.pem` a domain */
  readonly folder: string;
  readonly names: readonly string[];
}

/** Puts one more certificate into a folder of {@link domainFiles}. */
export const addDomain = (authority: Authority, folder: string, name: string): void =>
  writeFileSync(join(folder, `${name}.pem`), ORIGIN + authority.issue(name), { mode: 0o600 });

/** The certificates of the first `count` domains; made when they are not there. */
export const domainFiles = (authority: Authority, count: number): DomainFiles => {
  const storage = join(CACHE, `domains-${count}`);
  const folder = join(storage, 'certificates');
  const names = Array.from({ length: count }, (_, index) => domainName(index));
  const done = join(CACHE, `domains-${count}.done`);
  if (!existsSync(done)) {
    rmSync(storage, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const name of names) addDomain(authority, folder, name);
    writeFileSync(done, '');
  }
  return { count, storage, folder, names };
};
