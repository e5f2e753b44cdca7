// How a handshake tells a CA that validates by tls-alpn-01 (RFC 8737) from a client: beside tls.ts, which calls it. A normal
// client never gets the challenge certificate, not even while one is open. Through port 3; knows no storage.

import type { SecureContext, TLSSocket } from 'node:tls';
import type { AnswerTlsChallenge, Handshake, TlsChallengeAnswer } from '../../core/ports.ts';

const ACME_TLS = 'acme-tls/1';
/** in our order, not the client's (RFC 7301 §3.2) */
const PROTOCOLS = ['h2', 'http/1.1'];

/** The socket as far as it is needed: the same object reaches every callback of one handshake. */
export type HandshakeSocket = Pick<TLSSocket, 'getProtocol' | 'setKeyCert'>;

export interface TlsChallenge {
  /** for ALPNCallback; undefined ends the handshake with no_application_protocol */
  chooseProtocol(socket: HandshakeSocket, protocols: readonly string[]): string | undefined;
  /** for SNICallback: port 1 for a client, port 3 for a validating CA. Rejects only when port 1 does */
  chooseContext(socket: HandshakeSocket, servername: string): Promise<SecureContext | undefined>;
}

/** Whether an established connection was a validation: nothing is served on it, it ends at once (RFC 8737 §3). */
export const isValidation = ({ alpnProtocol }: Pick<TLSSocket, 'alpnProtocol'>): boolean =>
  alpnProtocol === ACME_TLS;

/**
 * The RFC has the CA offer `acme-tls/1` alone; whoever offers more is a client. What is known when depends on the version:
 * - TLS 1.3: the protocols come first, then the name. The certificate is chosen by both.
 * - TLS 1.2: the name comes first, the protocols only after a certificate was chosen. That is the name's own, or a
 *   placeholder; a validation then has it replaced on its socket. So for this version port 3 is asked on every full
 *   handshake. Kinds of key must agree, or the cipher already chosen does not fit.
 */
export const createTlsChallenge = ({
  handshake,
  answer,
}: {
  readonly handshake: Handshake;
  readonly answer: AnswerTlsChallenge;
}): TlsChallenge => {
  /** TLS 1.3: sockets whose ClientHello is a validation's */
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
      // No challenge, or a resumed session, which proves nothing.
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
