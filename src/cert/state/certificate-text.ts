// How a certificate stands in the storage: one text with its origin in the first line, then the key, then the chain, so that the
// three are never torn apart. Pure. It does not check whether key and chain belong together: certificate.ts does.

import { X509Certificate } from 'node:crypto';
import type { CertificateSource } from '../../core/certificate-state.ts';
import { splitChain, type KeyAndChain } from '../certificate/certificate.ts';

/** Where a certificate came from. */
export interface Origin {
  readonly source: CertificateSource;
  /** the issuer's name in the settings */
  readonly issuer: string;
  /** ACME directory URL */
  readonly directory?: string;
}

const KEY_BLOCK = /-----BEGIN PRIVATE KEY-----[A-Za-z0-9+/=\s]*-----END PRIVATE KEY-----/;
const SOURCES: readonly unknown[] = ['acme', 'local', 'import'] satisfies readonly CertificateSource[];
const isSource = (value: unknown): value is CertificateSource => SOURCES.includes(value);

type Fields = Readonly<Record<string, unknown>>;

/** The first line: explanatory text before the PEM, which RFC 7468 §2 allows and every reader skips. */
const originFields = (text: string): Fields => {
  try {
    return JSON.parse(/^linkgate: (\{.*\})$/m.exec(text.slice(0, 4096))?.[1] ?? '{}') as Fields;
  } catch {
    return {};
  }
};

/** @param domain - given where the key of the storage does not tell it (name-key.ts) */
export const formatCertificate = (
  { source, issuer, directory }: Origin,
  { keyPem, chainPem }: KeyAndChain,
  domain?: string,
): string =>
  `linkgate: ${JSON.stringify({ version: 1, source, issuer, directory, domain })}\n${keyPem}${chainPem}`;

/** undefined when the first line does not tell it */
export const originOf = (text: string): Origin | undefined => {
  const { version, source, issuer, directory } = originFields(text);
  if (version !== 1 || !isSource(source) || typeof issuer !== 'string') return undefined;
  return { source, issuer, ...(typeof directory === 'string' ? { directory } : {}) };
};

/** The domain of the first line; undefined where the key of the storage tells it. */
export const domainOf = (text: string): string | undefined => {
  const { domain } = originFields(text);
  return typeof domain === 'string' ? domain : undefined;
};

/** undefined when there is no private key */
export const keyAndChainOf = (text: string): KeyAndChain | undefined => {
  const keyPem = KEY_BLOCK.exec(text)?.[0];
  return keyPem === undefined ? undefined : { keyPem: `${keyPem}\n`, chainPem: splitChain(text).join('') };
};

/** The leaf, whatever else is wrong with the text; undefined when there is none. */
export const leafOf = (text: string): X509Certificate | undefined => {
  try {
    return new X509Certificate(splitChain(text)[0] ?? '');
  } catch {
    return undefined;
  }
};
