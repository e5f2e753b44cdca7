// The root of the internal CA, from a storage folder: what clients of a test have to trust.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** PEM of the certificate alone; the key next to it stays where it is. */
export const localRoot = (storagePath: string): string => {
  const text = readFileSync(join(storagePath, 'local-ca', 'root.pem'), 'utf8');
  const found = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(text)?.[0];
  if (found === undefined) throw new Error('root.pem has no certificate');
  return found;
};
