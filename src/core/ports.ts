// The three doors between the paths. src/app/ hands the functions over; neither path imports the other.

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

/** What a CA that validates by tls-alpn-01 is answered with. Nobody else may ever see `challenge`. */
export interface TlsChallengeAnswer {
  /** holds the challenge certificate */
  readonly challenge: SecureContext;
  /**
   * Holds a certificate for no name at all. TLS 1.2 asks for a certificate before it tells the protocols a client offers:
   * a name without a certificate of its own starts with this one.
   */
  readonly placeholder: SecureContext;
}

/**
 * Door 3: the answer to a tls-alpn-01 challenge (RFC 8737), asked when a client offers `acme-tls/1` alone.
 * @param servername - SNI host_name as the client sent it, any case
 * @returns undefined when no such challenge is open. Never rejects.
 */
export type AnswerTlsChallenge = (servername: string) => Promise<TlsChallengeAnswer | undefined>;
