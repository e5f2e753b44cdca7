// How a handshake tells a CA that validates by tls-alpn-01 (RFC 8737) from a client. Called by tls.ts. A client never gets the challenge
// certificate, not even while a challenge is open. The certificate comes through port 3; knows no storage.

import type { SecureContext, TLSSocket } from 'node:tls';
import type { AnswerTlsChallenge, Handshake, TlsChallengeAnswer } from '../../core/ports.ts';

const ACME_TLS = 'acme-tls/1';
/** in our order, not the client's (RFC 7301 §3.2) */
const PROTOCOLS = ['h2', 'http/1.1', 'http/1.0'];

/** The part of a socket that is needed here. All callbacks of one handshake get the same object. */
export type HandshakeSocket = Pick<TLSSocket, 'getProtocol' | 'setKeyCert'>;

export interface TlsChallenge {
  /** for ALPNCallback; undefined ends the handshake with no_application_protocol */
  chooseProtocol(socket: HandshakeSocket, protocols: readonly string[]): string | undefined;
  /** for SNICallback: port 1 for a client, port 3 for a validating CA. Rejects only when port 1 does */
  chooseContext(socket: HandshakeSocket, servername: string): Promise<SecureContext | undefined>;
}

/** Whether an established connection is a validation: it ends at once, and nothing is served on it (RFC 8737 §3). */
export const isValidation = ({ alpnProtocol }: Pick<TLSSocket, 'alpnProtocol'>): boolean =>
  alpnProtocol === ACME_TLS;

/**
 * A CA offers only `acme-tls/1` (RFC 8737 §4); a peer that offers more is a client. The order of the facts depends on the version:
 * - TLS 1.3: the protocols come first, then the name. Both choose the certificate.
 * - TLS 1.2: the name comes first, the protocols after a certificate was chosen. It is the one of the name, or a placeholder; for a
 *   validation it is replaced on the socket. So for this version every full handshake asks port 3. The keys must have the same type, or
 *   the chosen cipher does not fit.
 */
export const createTlsChallenge = ({
  handshake,
  answer,
}: {
  readonly handshake: Handshake;
  readonly answer: AnswerTlsChallenge;
}): TlsChallenge => {
  /** TLS 1.3: sockets of validations */
  const validations = new WeakSet<HandshakeSocket>();
  /** TLS 1.2: what was open for the name when the context was chosen */
  const opened = new WeakMap<HandshakeSocket, TlsChallengeAnswer>();

  return {
    chooseProtocol: (socket, protocols) => {
      const isAlone = protocols.length === 1 && protocols[0] === ACME_TLS;
      if (!isAlone) return PROTOCOLS.find((known) => protocols.includes(known));
      if (socket.getProtocol() === 'TLSv1.3') {
        validations.add(socket);
        return ACME_TLS;
      }
      const open = opened.get(socket);
      // No open challenge, or a resumed session, which proves nothing.
      if (open === undefined) return undefined;
      socket.setKeyCert(open.challenge);
      return ACME_TLS;
    },
    chooseContext: async (socket, servername) => {
      if (validations.has(socket)) return (await answer(servername))?.challenge;
      const context = await handshake(servername);
      if (socket.getProtocol() === 'TLSv1.3') return context;
      const open = await answer(servername);
      if (open === undefined) return context;
      opened.set(socket, open);
      return context ?? open.placeholder;
    },
  };
};
