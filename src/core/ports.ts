// The three ports between the paths. src/app/ passes the functions from one path to the other; neither path imports the other.

import type { SecureContext } from 'node:tls';

/**
 * Port 1: the TLS context for a ClientHello.
 * @param servername - SNI host_name as the client sent it (RFC 6066 §3), any case
 * @returns undefined when the name is not configured or has no certificate yet: the handshake ends with an alert
 */
export type Handshake = (
  servername: string,
) => Promise<SecureContext | undefined> | SecureContext | undefined;

/**
 * Port 2: the key authorization of an http-01 challenge (RFC 8555 §8.3). TCP port 80 asks for it.
 * @param host - configured name, normalized
 * @param token - the last path segment, not checked yet
 * @returns undefined when there is no such challenge: the request is forwarded like any other
 */
export type AnswerChallenge = (host: string, token: string) => Promise<string | undefined>;

/** The answer for a CA that validates by tls-alpn-01. Nobody else may ever see `challenge`. */
export interface TlsChallengeAnswer {
  /** holds the challenge certificate */
  readonly challenge: SecureContext;
  /**
   * Holds a certificate for no name. TLS 1.2 needs a certificate before it knows the protocols that the client offers:
   * the handshake of a name without a certificate starts with this one.
   */
  readonly placeholder: SecureContext;
}

/**
 * Port 3: the answer to a tls-alpn-01 challenge (RFC 8737), asked for when a client offers only `acme-tls/1`.
 * @param servername - SNI host_name as the client sent it, any case
 * @returns undefined when there is no such challenge. Never rejects.
 */
export type AnswerTlsChallenge = (servername: string) => Promise<TlsChallengeAnswer | undefined>;
