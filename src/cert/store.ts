// Certificates in the storage: one value a name, with where it came from, key and chain together, so that they are never
// torn apart. Beside it, how the attempts for a name went, so that a restart does not hammer a CA.

import type { CertificateSource, LastProblem } from '../core/certificate-state.ts';
import { GateError } from '../core/errors.ts';
import type { Storage } from '../core/storage.ts';
import { checkCertificate, splitChain, type CertificateFacts, type KeyAndChain } from './certificate.ts';

/** Where a certificate came from. */
export interface Origin {
  readonly source: CertificateSource;
  /** the issuer's name in the settings */
  readonly issuer: string;
  /** ACME directory URL */
  readonly directory?: string;
}

export interface StoredCertificate extends Origin, KeyAndChain, CertificateFacts {
  readonly domain: string;
}

/** How the attempts to get a certificate went. */
export interface IssuanceState {
  /** failures in a row */
  readonly failures: number;
  /** no attempt before this time */
  readonly nextAttemptMs: number;
  /** when the last certificate was issued; 0 for never */
  readonly lastIssuedMs: number;
  readonly lastProblem: LastProblem | null;
}

export interface CertificateStore {
  /** @throws GateError `ERR_CERT_INVALID` for a value that cannot be served, `ERR_STORAGE_UNAVAILABLE` */
  read(name: string): Promise<StoredCertificate | undefined>;
  /**
   * Replaces the certificate of a name, once the new one has been checked.
   * @throws GateError `ERR_CERT_INVALID`, `ERR_STORAGE_UNAVAILABLE`; the old one is then still there
   */
  write(name: string, certificate: KeyAndChain & Origin): Promise<StoredCertificate>;
  /** undefined when nothing was tried, or when the state cannot be understood */
  readState(name: string): Promise<IssuanceState | undefined>;
  writeState(name: string, state: IssuanceState): Promise<void>;
}

const KEY_BLOCK = /-----BEGIN PRIVATE KEY-----[A-Za-z0-9+/=\s]*-----END PRIVATE KEY-----/;
const SOURCES: readonly string[] = ['acme', 'local', 'import'] satisfies readonly CertificateSource[];

type Fields = Readonly<Record<string, unknown>>;

const asFields = (text: string): Fields | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
};

/** The first line: explanatory text before the PEM, which RFC 7468 §2 allows and every reader skips. */
const originLine = ({ source, issuer, directory }: Origin): string =>
  `linkgate: ${JSON.stringify({ version: 1, source, issuer, directory })}\n`;

const parseOrigin = (text: string): Origin | undefined => {
  const fields = asFields(/^linkgate: (\{.*\})$/m.exec(text.slice(0, 4096))?.[1] ?? '');
  const { version, source, issuer, directory } = fields ?? {};
  if (
    version !== 1 ||
    typeof source !== 'string' ||
    !SOURCES.includes(source) ||
    typeof issuer !== 'string'
  ) {
    return undefined;
  }
  return {
    source: source as CertificateSource,
    issuer,
    ...(typeof directory === 'string' ? { directory } : {}),
  };
};

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

const parseState = (text: string): IssuanceState | undefined => {
  const { version, failures, nextAttemptMs, lastIssuedMs, lastProblem } = asFields(text) ?? {};
  return version === 1 && isCount(failures) && isCount(nextAttemptMs) && isCount(lastIssuedMs)
    ? { failures, nextAttemptMs, lastIssuedMs, lastProblem: parseProblem(lastProblem) }
    : undefined;
};

const parseProblem = (value: unknown): LastProblem | null => {
  if (typeof value !== 'object' || value === null) return null;
  const fields = value as Fields;
  const text = (key: string): string => (typeof fields[key] === 'string' ? fields[key] : '');
  return {
    at: text('at'),
    issuer: text('issuer'),
    type: text('type'),
    detail: text('detail'),
    remedy: text('remedy'),
  };
};

const certificateKey = (name: string): string => `certificates/${name}.pem`;
const stateKey = (name: string): string => `state/${name}.json`;

export const createCertificateStore = ({ storage }: { readonly storage: Storage }): CertificateStore => ({
  read: async (name) => {
    const text = (await storage.read(certificateKey(name)))?.toString('utf8');
    if (text === undefined) return undefined;
    const broken = (what: string): GateError =>
      new GateError('ERR_CERT_INVALID', `certificate for "${name}" ${what}`, { details: { domain: name } });
    const origin = parseOrigin(text);
    if (origin === undefined) throw broken('does not say where it came from in its first line');
    const keyPem = KEY_BLOCK.exec(text)?.[0];
    if (keyPem === undefined) throw broken('has no private key');
    const keyAndChain = { keyPem: `${keyPem}\n`, chainPem: splitChain(text).join('') };
    return { domain: name, ...origin, ...keyAndChain, ...checkCertificate(name, keyAndChain) };
  },

  write: async (name, { keyPem, chainPem, source, issuer, directory }) => {
    const origin: Origin = { source, issuer, ...(directory === undefined ? {} : { directory }) };
    const keyAndChain = { keyPem: `${keyPem.trim()}\n`, chainPem: splitChain(chainPem).join('') };
    const facts = checkCertificate(name, keyAndChain);
    await storage.write(certificateKey(name), originLine(origin) + keyAndChain.keyPem + keyAndChain.chainPem);
    return { domain: name, ...origin, ...keyAndChain, ...facts };
  },

  readState: async (name) => parseState((await storage.read(stateKey(name)))?.toString('utf8') ?? ''),

  writeState: async (name, state) => {
    await storage.write(stateKey(name), `${JSON.stringify({ version: 1, ...state })}\n`);
  },
});
