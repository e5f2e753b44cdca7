// The certificate authorities that this process trusts as a TLS client, with the private ones of the configuration.

import * as tls from 'node:tls';

/** Exists from Node 22.15 and 24.0 on; it also reads NODE_EXTRA_CA_CERTS and --use-system-ca. */
const { getCACertificates } = tls as typeof tls & { getCACertificates?: (type: 'default') => string[] };

/** PEM certificates to pass as `ca`: the roots of the system, and those in `caPem`. */
export const trustedRoots = (caPem: string | undefined): string[] => [
  ...(getCACertificates?.('default') ?? tls.rootCertificates),
  ...(caPem === undefined ? [] : [caPem]),
];
