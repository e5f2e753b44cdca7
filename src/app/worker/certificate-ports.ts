// What a worker takes from the certificate path: the context of a handshake, and the answers to the challenges of a CA. It reads the
// storage, and orders and writes nothing.

import { readThumbprint } from '../../cert/acme/account.ts';
import { createAnswerChallenge } from '../../cert/challenges/http-01.ts';
import { createAnswerTlsChallenge } from '../../cert/challenges/tls-alpn-01.ts';
import { ContextCache } from '../../cert/serving/context-cache.ts';
import { createHandshake } from '../../cert/serving/handshake.ts';
import { createCertificateStore } from '../../cert/state/store.ts';
import type { Emit } from '../../core/events.ts';
import type { Clock } from '../../core/platform/clock.ts';
import type { AnswerChallenge, AnswerTlsChallenge, Handshake } from '../../core/ports.ts';
import type { AcmeIssuerSettings } from '../../core/settings.ts';
import type { Storage } from '../../core/storage.ts';
import type { CommonSettings } from '../settings-change.ts';

/**
 * TLS contexts in memory: 34 KB each on Node 20, 40 on 24, so 200 MB in a worker that serves as many names. With 100,000 names by
 * Zipf's law three of four handshakes find theirs.
 */
const MAX_CONTEXTS = 5_000;

export interface CertificatePortsOptions {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly isServed: (name: string) => boolean;
  /** as they are in force */
  readonly settings: () => CommonSettings;
}

/** The three ports of core/ports.ts, and the contexts behind the first. */
export interface CertificatePorts {
  readonly contexts: ContextCache;
  readonly handshake: Handshake;
  readonly answerChallenge: AnswerChallenge;
  readonly answerTlsChallenge: AnswerTlsChallenge;
}

const validatesBy = (
  { certificates }: CommonSettings,
  method: 'http-01' | 'tls-alpn-01',
): AcmeIssuerSettings | undefined =>
  certificates.issuers.find(
    (issuer): issuer is AcmeIssuerSettings => issuer.type === 'acme' && issuer.challenges.includes(method),
  );

/** Whether a CA may come by tls-alpn-01. */
export const usesTlsChallenge = (settings: CommonSettings): boolean =>
  validatesBy(settings, 'tls-alpn-01') !== undefined;

export const createCertificatePorts = (options: CertificatePortsOptions): CertificatePorts => {
  const { storage, clock, emit, isServed, settings } = options;
  const store = createCertificateStore({ storage });
  const contexts = new ContextCache({
    store: { read: store.readToServe },
    clock,
    emit,
    maxContexts: MAX_CONTEXTS,
  });
  /** Of the account with the first CA that validates by http-01: another one's answers have to be in the storage. */
  const thumbprint = async (): Promise<string | undefined> => {
    const ca = validatesBy(settings(), 'http-01');
    return ca === undefined ? undefined : readThumbprint(storage, ca.directory);
  };
  return {
    contexts,
    handshake: createHandshake({ cache: contexts, isServed, emit }),
    answerChallenge: createAnswerChallenge({ storage, clock, emit, thumbprint }),
    answerTlsChallenge: createAnswerTlsChallenge({ storage, isServed, clock, emit }),
  };
};
