// The certificates that a name had before its present one: a few copies under `archive/NAME/`, for a person who has to go back. store.ts
// calls it before it replaces or removes a certificate.

import type { Storage } from '../../core/storage.ts';
import { leafOf } from './certificate-text.ts';

const PEM = '.pem';
/** how many certificates before the present one are kept */
const VERSIONS = 3;

const folderOf = (name: string): string => `archive/${name}`;

/** Removes the oldest copies beyond those that are kept. */
const prune = async (storage: Storage, name: string): Promise<void> => {
  const versions: { readonly key: string; readonly fromMs: number }[] = [];
  for (const key of await storage.list(folderOf(name))) {
    const leaf = leafOf((await storage.read(key))?.toString('utf8') ?? '');
    versions.push({ key, fromMs: leaf === undefined ? 0 : Date.parse(leaf.validFrom) });
  }
  const oldest = versions.toSorted((a, b) => b.fromMs - a.fromMs).slice(VERSIONS);
  for (const { key } of oldest) await storage.remove(key);
};

/**
 * Keeps a copy of a stored certificate; a text without a certificate is not kept.
 * @param nextSerial - of the certificate that replaces it: the same one is no new version
 */
export const keepVersion = async (
  storage: Storage,
  name: string,
  text: string,
  nextSerial?: string,
): Promise<void> => {
  const serial = leafOf(text)?.serialNumber.toLowerCase();
  if (serial === undefined || serial === nextSerial) return;
  await storage.write(`${folderOf(name)}/${serial}${PEM}`, text);
  await prune(storage, name);
};

/** The serials of the copies. */
export const listVersions = async (storage: Storage, name: string): Promise<readonly string[]> =>
  (await storage.list(folderOf(name))).map((key) => key.slice(folderOf(name).length + 1, -PEM.length));
