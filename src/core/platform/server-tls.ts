// The TLS versions and suites of every server of linkgate: what the https listener and the admin port have in common. A context that
// an SNICallback chooses has no say in them: OpenSSL decides by the context of the server, before it knows the one of the name.

import { constants } from 'node:crypto';

const SUITES_OF_13 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];
/** ECDHE with an AEAD (RFC 9325 §4.2) */
const AEAD = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
];
/** ECDHE with CBC: all that Windows 8.1 and old Android and Java have for an RSA certificate */
const CBC = [
  'ECDHE-ECDSA-AES128-SHA256',
  'ECDHE-RSA-AES128-SHA256',
  'ECDHE-ECDSA-AES128-SHA',
  'ECDHE-RSA-AES128-SHA',
  'ECDHE-ECDSA-AES256-SHA384',
  'ECDHE-RSA-AES256-SHA384',
  'ECDHE-ECDSA-AES256-SHA',
  'ECDHE-RSA-AES256-SHA',
];

const PROFILES = {
  intermediate: { minVersion: 'TLSv1.2', suites: [...SUITES_OF_13, ...AEAD] },
  compatible: { minVersion: 'TLSv1.2', suites: [...SUITES_OF_13, ...AEAD, ...CBC] },
  modern: { minVersion: 'TLSv1.3', suites: SUITES_OF_13 },
} as const;

/**
 * Options for a TLS server. TLS 1.2 (RFC 9325 §3.1.1) and 1.3. AES-128 goes first: it is as safe, and the cheapest where there is AES in
 * hardware. Groups and signatures are left to OpenSSL, whose defaults bring new ones (ML-KEM). No client needs renegotiation, and each
 * one costs the server a handshake.
 */
export const serverTls = (profile: keyof typeof PROFILES) =>
  ({
    minVersion: PROFILES[profile].minVersion,
    honorCipherOrder: true,
    ciphers: PROFILES[profile].suites.join(':'),
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  }) as const;
