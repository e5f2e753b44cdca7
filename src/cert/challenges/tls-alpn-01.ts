// TLS-ALPN-01 (RFC 8737) on its way through the storage: the supervisor that orders puts a challenge certificate there, and
// whichever worker the CA reaches on port 443, on any machine, finds it. Port 3 opens here. Must not know how a handshake
// chooses: src/serve/ sees to it that nobody but a validating CA gets one.

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
/** the names the CA may not be asked about; RFC 6761 §6.4 */
const NO_NAME = 'placeholder.invalid';

const FOLDER = 'challenges/tls-alpn-01';
const challengeKey = (host: string): string => `${FOLDER}/${host}`;

/** For so long a worker believes its look at which names have a challenge open: clients of TLS 1.2 are asked for too. */
const LOOK_MS = 200;
/** until every worker has looked again */
const SEEN_MS = LOOK_MS + 50;

/** OCTET STRING of the digest; node-forge wraps it in the extension's own. */
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
  // Not the name itself, which may be longer than a common name can be.
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
      // Alone, as the RFC asks.
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

/** The ordering side. The caller holds the lock of the name, so one value a name is enough. */
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
    // The kind of key that the name's certificate has: TLS 1.2 has chosen a cipher by it before the challenge is seen.
    const { keyPem, chainPem } = await createChallengeCertificate(name, { keyAuthorization, keyType, nowMs });
    await storage.write(challengeKey(name), keyPem + chainPem);
    await clock.sleep(SEEN_MS, signal);
    return () => storage.remove(challengeKey(name));
  },
});

export interface AnswerTlsChallengeOptions {
  readonly storage: Storage;
  /** whether a normalized name is configured: for others the storage is not asked */
  readonly isServed: (name: string) => boolean;
  readonly clock: Clock;
  readonly emit: Emit;
}

const contextOf = ({ keyPem, chainPem }: KeyAndChain): SecureContext =>
  createSecureContext({ key: keyPem, cert: chainPem });

/** A storage that hangs must not hold up clients of TLS 1.2, who are asked for here too. */
const SOON_MS = 500;

const SOON = { clock: systemClock, limitMs: SOON_MS, late: () => undefined };

/** Which keys are there, by one look for everybody who asks within {@link LOOK_MS} of its beginning. */
const createOpenKeys = ({ storage, clock }: Pick<AnswerTlsChallengeOptions, 'storage' | 'clock'>) => {
  let latest:
    { readonly keys: Promise<ReadonlySet<string>>; readonly atMs: number; isPending: boolean } | undefined;
  const look = (): Promise<ReadonlySet<string>> => {
    const keys = storage.list(FOLDER).then((found) => new Set(found));
    const begun = { keys, atMs: clock.now(), isPending: true };
    const settled = (): void => {
      begun.isPending = false;
    };
    keys.then(settled, settled);
    latest = begun;
    return keys;
  };
  const isRecent = (atMs: number): boolean => Math.abs(clock.now() - atMs) < LOOK_MS;
  return async (): Promise<ReadonlySet<string>> => {
    if (latest !== undefined && isRecent(latest.atMs)) return latest.keys;
    // A storage that hangs is not asked a second time meanwhile; what it says late may be out of date.
    if (latest?.isPending === true) await latest.keys.catch(() => undefined);
    return latest !== undefined && isRecent(latest.atMs) ? latest.keys : look();
  };
};

/**
 * The answering side, port 3. Never rejects: a storage that fails is told as an event, and the handshake goes on as one
 * for which no challenge is open.
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
