// The certificate authorities this process trusts as a TLS client, with a private one beside them where configured.

import * as tls from 'node:tls';

/** From Node 22.15 and 24.0; there it also knows NODE_EXTRA_CA_CERTS and --use-system-ca. */
const { getCACertificates } = tls as typeof tls & { getCACertificates?: (type: 'default') => string[] };

/** PEM certificates to pass as `ca`: the system's roots and, beside them, what `caPem` holds. */
export const trustedRoots = (caPem: string | undefined): string[] => [
  ...(getCACertificates?.('default') ?? tls.rootCertificates),
  ...(caPem === undefined ? [] : [caPem]),
];
