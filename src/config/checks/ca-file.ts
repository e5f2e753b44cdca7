// Checks a file of trusted certificates when the settings are loaded, so that `check` finds a typing error before the first
// connection does. The parts that use the file read it themselves.

import { X509Certificate } from 'node:crypto';
import { readTextFile } from '../text/text-file.ts';

const LARGEST_CA_FILE_BYTES = 4 * 1024 * 1024;
const BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/**
 * What is wrong with a PEM file of CA certificates, or undefined. Never rejects.
 * @param path - absolute
 */
export const caFileProblem = async (path: string): Promise<string | undefined> => {
  const file = await readTextFile(path, LARGEST_CA_FILE_BYTES);
  if ('problem' in file) return file.problem;
  const blocks = file.text.match(BLOCK) ?? [];
  if (blocks.length === 0) return `${JSON.stringify(path)} holds no PEM certificate`;
  for (const [index, block] of blocks.entries()) {
    try {
      void new X509Certificate(block);
    } catch {
      return `${JSON.stringify(path)}: certificate ${index + 1} of ${blocks.length} cannot be read`;
    }
  }
  return undefined;
};
