// The TLS versions and suites of every server of linkgate: what the https listener and the admin port have in common. A context that
// an SNICallback chooses has no say in them: OpenSSL decides by the context of the server, before it knows the one of the name.

/**
 * TLS 1.2 (RFC 9325 §3.1.1) and 1.3; ECDHE with an AEAD only (RFC 9325 §4.2). AES-128 goes first: it is as safe, and the cheapest
 * where there is AES in hardware. Groups and signatures are left to OpenSSL, whose defaults bring new ones (ML-KEM).
 */
export const SERVER_TLS = {
  minVersion: 'TLSv1.2',
  honorCipherOrder: true,
  ciphers: [
    'TLS_AES_128_GCM_SHA256',
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
    'ECDHE-RSA-CHACHA20-POLY1305',
  ].join(':'),
} as const;
