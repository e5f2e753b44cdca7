// The certificate authorities this process trusts as a TLS client, with a private one beside them where configured.

import { readFileSync } from 'node:fs';
import * as tls from 'node:tls';

/** From Node 22.15 and 24.0; there it also knows NODE_EXTRA_CA_CERTS and --use-system-ca. */
const { getCACertificates } = tls as typeof tls & { getCACertificates?: (type: 'default') => string[] };

/**
 * PEM certificates to pass as `ca`.
 * @param caFile - absolute path of PEM certificates trusted beside the system's roots
 * @throws the error of node:fs when the file cannot be read
 */
export const trustedRoots = (caFile: string | undefined): string[] => {
  const roots = getCACertificates?.('default') ?? [...tls.rootCertificates];
  return caFile === undefined ? roots : [...roots, readFileSync(caFile, 'utf8')];
};
