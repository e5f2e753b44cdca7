// Reads a file of trusted certificates when the settings are loaded, so that `check` finds a typing error before the first
// connection does.

import { X509Certificate } from 'node:crypto';
import { readTextFile } from '../text/text-file.ts';

const LARGEST_CA_FILE_BYTES = 4 * 1024 * 1024;
const BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** The certificates of a file in PEM and nothing else that is in it, or what is wrong with it. */
export type CaFile = { readonly pem: string } | { readonly problem: string };

/**
 * Reads a PEM file of CA certificates. Never rejects.
 * @param path - absolute
 */
export const readCaFile = async (path: string): Promise<CaFile> => {
  const file = await readTextFile(path, LARGEST_CA_FILE_BYTES);
  if ('problem' in file) return { problem: file.problem };
  const blocks = file.text.match(BLOCK) ?? [];
  if (blocks.length === 0) return { problem: `${JSON.stringify(path)} holds no PEM certificate` };
  for (const [index, block] of blocks.entries()) {
    try {
      void new X509Certificate(block);
    } catch {
      const which = `certificate ${index + 1} of ${blocks.length}`;
      return { problem: `${JSON.stringify(path)}: ${which} cannot be read` };
    }
  }
  return { pem: `${blocks.join('\n')}\n` };
};

/** What is wrong with such a file, or undefined; for parts that read it themselves. Never rejects. */
export const caFileProblem = async (path: string): Promise<string | undefined> => {
  const file = await readCaFile(path);
  return 'problem' in file ? file.problem : undefined;
};
