// The account with a CA: one key and one URL for each directory. It is made once and kept in the storage, so that all supervisors use
// the same account. Does not know how it is registered.

import { createHash, createPublicKey } from 'node:crypto';
import { readWhereReadable, type Storage } from '../../core/storage.ts';
import { createPrivateKeyPem } from '../certificate/private-key.ts';

export interface AcmeAccount {
  /** PKCS#8 PEM, ECDSA P-256 */
  readonly keyPem: string;
  /** the CA's name for it, sent as `kid` (RFC 8555 §6.2) */
  readonly url: string;
}

export interface AccountOptions {
  readonly storage: Storage;
  /** directory URL */
  readonly directory: string;
  /** registers a key, or finds the account it has; resolves to the account's URL */
  readonly register: (keyPem: string) => Promise<string>;
  readonly signal: AbortSignal;
}

interface Kept {
  readonly keyPem: string;
  readonly url?: string;
}

/** `acme-v02.api.letsencrypt.org-1a2b3c4d5e6f`: readable, and different for two directories of one host. */
export const directorySlug = (directory: string): string => {
  const hash = createHash('sha256').update(directory).digest('hex').slice(0, 12);
  return `${new URL(directory).host.replaceAll(/[^a-z0-9.-]/g, '_').slice(0, 200)}-${hash}`;
};

const read = async ({
  storage,
  directory,
}: Pick<AccountOptions, 'storage' | 'directory'>): Promise<Kept | undefined> => {
  const text = String((await readWhereReadable(storage, `accounts/${directorySlug(directory)}.json`)) ?? '');
  try {
    const { keyPem, url } = JSON.parse(text) as Partial<Record<string, unknown>>;
    if (typeof keyPem !== 'string') return undefined;
    return { keyPem, ...(typeof url === 'string' ? { url } : {}) };
  } catch {
    // None, or none that can be used: a new account costs little.
    return undefined;
  }
};

const write = ({ storage, directory }: AccountOptions, account: Kept): Promise<void> =>
  storage.write(
    `accounts/${directorySlug(directory)}.json`,
    `${JSON.stringify({ version: 1, directory, ...account })}\n`,
  );

/** The CA's name for the account; undefined before it is registered. @throws LinkgateError `ERR_STORAGE_*` */
export const readAccountUrl = async (storage: Storage, directory: string): Promise<string | undefined> =>
  (await read({ storage, directory }))?.url;

const thumbprintKey = (directory: string): string => `thumbprints/${directorySlug(directory)}`;

/** Thumbprint of an account key (RFC 7638): public. With the token it is the answer to an HTTP-01 challenge. */
const thumbprintOf = (keyPem: string): string => {
  const { crv, kty, x, y } = createPublicKey(keyPem).export({ format: 'jwk' });
  return createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
};

/**
 * Stores the thumbprint for the workers, which never read the key of an account.
 * @throws LinkgateError `ERR_STORAGE_*`
 */
export const publishThumbprint = async (
  storage: Storage,
  directory: string,
  { keyPem }: Pick<AcmeAccount, 'keyPem'>,
): Promise<void> => {
  const thumbprint = thumbprintOf(keyPem);
  const kept = String((await readWhereReadable(storage, thumbprintKey(directory))) ?? '');
  if (kept !== thumbprint) await storage.write(thumbprintKey(directory), thumbprint);
};

/** Of the account with a directory; undefined before there is one. @throws LinkgateError `ERR_STORAGE_*` */
export const readThumbprint = async (storage: Storage, directory: string): Promise<string | undefined> => {
  const text = String((await readWhereReadable(storage, thumbprintKey(directory))) ?? '');
  return /^[\w-]{43}$/.test(text) ? text : undefined;
};

/**
 * The account for a directory: the stored one, else a new one. The key is stored before it is registered: a process that is killed
 * between the two leaves no account without its key.
 * @param unknownUrl - an account URL that the CA does not know: if it is the stored one, the key is registered again
 * @throws LinkgateError `ERR_ACME_*`, `ERR_STORAGE_*`
 */
export const acmeAccount = async (options: AccountOptions, unknownUrl?: string): Promise<AcmeAccount> => {
  const isUsable = (kept: Kept | undefined): kept is AcmeAccount =>
    kept?.url !== undefined && kept.url !== unknownUrl;

  const kept = await read(options);
  if (isUsable(kept)) return kept;
  // No domain name has a `_`, so this is never the lock of a name.
  const lock = await options.storage.lock(`account_${directorySlug(options.directory)}`, options.signal);
  try {
    // Another process may have registered it in the meantime.
    const now = await read(options);
    if (isUsable(now)) return now;
    const keyPem = now?.keyPem ?? (await createPrivateKeyPem('ecdsa-p256'));
    if (now === undefined) await write(options, { keyPem });
    const account = { keyPem, url: await options.register(keyPem) };
    await write(options, account);
    return account;
  } finally {
    await lock.release();
  }
};
