// TLS-ALPN-01 (RFC 8737). The supervisor that orders writes a challenge certificate to the storage; the worker that the CA reaches on
// port 443, on any machine, reads it (port 3). Does not know how a handshake chooses: src/serve/ gives the certificate only to a CA.

import { createHash } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import forge from 'node-forge';
import { systemClock, type Clock } from '../../core/platform/clock.ts';
import { withTimeout } from '../../core/platform/deadline.ts';
import { isDomainName, normalizeName } from '../../core/domain-name.ts';
import type { AnswerTlsChallenge } from '../../core/ports.ts';
import { reportStorageFailure, type Emit } from '../../core/events.ts';
import type { KeyType } from '../../core/settings.ts';
import type { Storage } from '../../core/storage.ts';
import { buildCertificate, subjectKeyIdentifier } from '../certificate/build-certificate.ts';
import type { KeyAndChain } from '../certificate/certificate.ts';
import type { ChallengeSolver } from './http-01.ts';
import { createPrivateKeyPem } from '../certificate/private-key.ts';

/** id-pe-acmeIdentifier (RFC 8737 §6.1) */
const ACME_IDENTIFIER = '1.3.6.1.5.5.7.1.31';
const HOUR_MS = 3_600_000;
/** no CA validates this name (RFC 6761 §6.4) */
const NO_NAME = 'placeholder.invalid';

const FOLDER = 'challenges/tls-alpn-01';
const challengeKey = (host: string): string => `${FOLDER}/${host}`;

/** how long a worker uses one listing of the open challenges: each client of TLS 1.2 asks for it as well */
const LISTING_MS = 200;
/** until every worker has listed them again */
const SEEN_MS = LISTING_MS + 50;

/** OCTET STRING of the digest; node-forge puts it into that of the extension. */
const acmeIdentifier = (keyAuthorization: string): object => {
  const digest = createHash('sha256').update(keyAuthorization).digest('binary');
  const value = forge.asn1.create(forge.asn1.Class.UNIVERSAL, forge.asn1.Type.OCTETSTRING, false, digest);
  return { id: ACME_IDENTIFIER, critical: true, value };
};

const selfSigned = async (
  name: string,
  { keyType, nowMs, extension }: { keyType: KeyType; nowMs: number; extension?: object },
): Promise<KeyAndChain> => {
  const keyPem = await createPrivateKeyPem(keyType);
  // Not the name itself: a common name has at most 64 characters.
  const subject = [{ name: 'commonName', value: 'linkgate challenge' }];
  const chainPem = buildCertificate({
    subject,
    issuer: subject,
    notBeforeMs: nowMs - HOUR_MS,
    notAfterMs: nowMs + 24 * HOUR_MS,
    keyPem,
    signerPem: keyPem,
    extensions: (identifiers) => [
      // Without digitalSignature, TLS 1.2 has no cipher for an ECDSA key.
      { name: 'keyUsage', critical: true, digitalSignature: true },
      // No other name (RFC 8737 §3).
      { name: 'subjectAltName', altNames: [{ type: 2, value: name }] },
      subjectKeyIdentifier(identifiers.subject),
      ...(extension === undefined ? [] : [extension]),
    ],
  });
  return { keyPem, chainPem };
};

/** The certificate that answers a challenge (RFC 8737 §3): self-signed, with the digest of the key authorization. */
export const createChallengeCertificate = (
  name: string,
  options: { readonly keyAuthorization: string; readonly keyType: KeyType; readonly nowMs: number },
): Promise<KeyAndChain> =>
  selfSigned(name, { ...options, extension: acmeIdentifier(options.keyAuthorization) });

/** The ordering side. The caller holds the lock of the name, so one value for each name is enough. */
export const createTlsSolver = ({
  storage,
  clock,
}: {
  readonly storage: Storage;
  readonly clock: Clock;
}): ChallengeSolver => ({
  type: 'tls-alpn-01',
  present: async ({ name, keyAuthorization, keyType }, signal) => {
    const nowMs = clock.now();
    // The same key type as the certificate of the name: TLS 1.2 chooses a cipher for it before it sees the challenge.
    const { keyPem, chainPem } = await createChallengeCertificate(name, { keyAuthorization, keyType, nowMs });
    await storage.write(challengeKey(name), keyPem + chainPem);
    await clock.sleep(SEEN_MS, signal);
    return () => storage.remove(challengeKey(name));
  },
});

export interface AnswerTlsChallengeOptions {
  readonly storage: Storage;
  /** whether a normalized name is configured: the storage is not read for others */
  readonly isServed: (name: string) => boolean;
  readonly clock: Clock;
  readonly emit: Emit;
}

const contextOf = ({ keyPem, chainPem }: KeyAndChain): SecureContext =>
  createSecureContext({ key: keyPem, cert: chainPem });

/** A storage that hangs must not delay clients of TLS 1.2, which come here as well. */
const SOON_MS = 500;

const SOON = { clock: systemClock, limitMs: SOON_MS, late: () => undefined };

/** The keys in the storage. All who ask within {@link LISTING_MS} share one listing. */
const createOpenKeys = ({ storage, clock }: Pick<AnswerTlsChallengeOptions, 'storage' | 'clock'>) => {
  let latest:
    { readonly keys: Promise<ReadonlySet<string>>; readonly atMs: number; isPending: boolean } | undefined;
  const list = (): Promise<ReadonlySet<string>> => {
    const keys = storage.list(FOLDER).then((found) => new Set(found));
    const begun = { keys, atMs: clock.now(), isPending: true };
    const settled = (): void => {
      begun.isPending = false;
    };
    keys.then(settled, settled);
    latest = begun;
    return keys;
  };
  const isRecent = (atMs: number): boolean => Math.abs(clock.now() - atMs) < LISTING_MS;
  return async (): Promise<ReadonlySet<string>> => {
    if (latest !== undefined && isRecent(latest.atMs)) return latest.keys;
    // A storage that hangs is not asked twice at the same time. A late listing may be out of date.
    if (latest?.isPending === true) await latest.keys.catch(() => undefined);
    return latest !== undefined && isRecent(latest.atMs) ? latest.keys : list();
  };
};

/**
 * The answering side, port 3. Never rejects: a storage failure is an event, and the handshake goes on as if no challenge were open.
 */
export const createAnswerTlsChallenge = (options: AnswerTlsChallengeOptions): AnswerTlsChallenge => {
  const { storage, isServed, clock, emit } = options;
  const openKeys = createOpenKeys(options);
  let placeholder: Promise<SecureContext> | undefined;
  const findPlaceholder = (): Promise<SecureContext> => {
    placeholder ??= selfSigned(NO_NAME, { keyType: 'ecdsa-p256', nowMs: clock.now() }).then(contextOf);
    return placeholder;
  };
  const find = async (key: string): Promise<Buffer | undefined> =>
    (await openKeys()).has(key) ? storage.read(key) : undefined;
  return async (servername) => {
    const name = normalizeName(servername);
    if (!isDomainName(name) || !isServed(name)) return undefined;
    try {
      const pem = (await withTimeout(find(challengeKey(name)), SOON))?.toString('utf8');
      if (pem === undefined) return undefined;
      return {
        challenge: contextOf({ keyPem: pem, chainPem: pem }),
        placeholder: await findPlaceholder(),
      };
    } catch (error) {
      reportStorageFailure(emit, error);
      return undefined;
    }
  };
};
