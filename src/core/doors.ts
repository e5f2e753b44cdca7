// The two doors between the corridors. src/app/ hands the functions over; neither corridor imports the other.

import type { SecureContext } from 'node:tls';

/**
 * Door 1: the TLS context to answer a ClientHello with.
 * @param servername - SNI host_name as the client sent it (RFC 6066 §3), any case
 * @returns undefined when the name is not configured or has no certificate yet: the handshake ends with an alert
 */
export type Handshake = (
  servername: string,
) => Promise<SecureContext | undefined> | SecureContext | undefined;

/**
 * Door 2: the key authorization for an HTTP-01 challenge (RFC 8555 §8.3), asked by port 80.
 * @param host - configured name, normalized
 * @param token - the last path segment, unchecked
 * @returns undefined when no such challenge is open: the request is then forwarded like any other
 */
export type AnswerChallenge = (host: string, token: string) => Promise<string | undefined>;
