// Prepares an imported certificate for the storage: key and chain, in any order and format, become the one form that is served, or an
// error that says what to fix. Pure: reads no files and writes nothing.

import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { createSecureContext, rootCertificates } from 'node:tls';
import { LinkgateError } from '../../core/errors.ts';
import {
  checkCertificate,
  splitChain,
  type CertificateFacts,
  type KeyAndChain,
} from '../certificate/certificate.ts';

export interface ImportOptions {
  /** lower-case A-label, no trailing dot */
  readonly name: string;
  /** PEM: PKCS#8, PKCS#1 or SEC1, also encrypted */
  readonly keyPem: string;
  /** PEM, in any order */
  readonly chainPem: string;
  readonly password?: string;
  readonly nowMs: number;
  /** PEM of the roots that clients trust; those of this system when absent */
  readonly roots?: readonly string[];
}

const refuse = (name: string, what: string, cause?: unknown): LinkgateError =>
  new LinkgateError('ERR_CERT_INVALID', `certificate for "${name}" ${what}`, {
    cause,
    details: { domain: name },
  });

const readKey = ({ name, keyPem, password }: ImportOptions): KeyObject => {
  if (!keyPem.includes('PRIVATE KEY-----')) throw refuse(name, 'has no private key in its file');
  const isEncrypted = /ENCRYPTED/.test(keyPem);
  if (isEncrypted && password === undefined) {
    throw refuse(name, 'has an encrypted private key: give its password with --password-file');
  }
  try {
    return createPrivateKey({ key: keyPem, ...(password === undefined ? {} : { passphrase: password }) });
  } catch (error) {
    throw refuse(
      name,
      isEncrypted
        ? 'has a private key that this password does not open'
        : 'has a private key that cannot be read',
      error,
    );
  }
};

const readCertificates = ({ name, chainPem }: ImportOptions): readonly X509Certificate[] =>
  splitChain(chainPem).map((pem) => {
    try {
      return new X509Certificate(pem);
    } catch (error) {
      throw refuse(name, 'has a chain that cannot be read', error);
    }
  });

const isIssuedBy = (certificate: X509Certificate, issuer: X509Certificate): boolean =>
  certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);

/** The common name of a subject or issuer, in which Node puts each field on its own line. */
const shortName = (lines: string): string => /^CN=(.*)$/m.exec(lines)?.[1] ?? lines.replaceAll('\n', ', ');

const day = (ms: number): string => new Date(ms).toISOString();

const rootsOf = (pems: readonly string[], subject: string): readonly X509Certificate[] =>
  pems.flatMap((pem) => {
    const root = new X509Certificate(pem);
    return root.subject === subject ? [root] : [];
  });

/**
 * The chain from the leaf up, without a root at its end.
 * @throws LinkgateError `ERR_CERT_INVALID` when a certificate on the way to a root is missing
 */
const orderChain = (
  leaf: X509Certificate,
  { name, roots = rootCertificates }: ImportOptions,
  given: readonly X509Certificate[],
): readonly X509Certificate[] => {
  const chain = [leaf];
  const rest = new Set(given.filter((certificate) => certificate !== leaf));
  for (;;) {
    const last = chain.at(-1) ?? leaf;
    if (isIssuedBy(last, last)) return chain.length === 1 ? chain : chain.slice(0, -1);
    const next = [...rest].find((candidate) => isIssuedBy(last, candidate));
    if (next === undefined) {
      if (rootsOf(roots, last.issuer).some((root) => isIssuedBy(last, root))) return chain;
      const place = last === leaf ? 'its issuer' : `the issuer of "${shortName(last.subject)}"`;
      throw refuse(
        name,
        `lacks an intermediate: ${place}, "${shortName(last.issuer)}", is neither in the file nor a root of this system` +
          ' (add it to the file; for a private CA, add its root too)',
      );
    }
    rest.delete(next);
    chain.push(next);
  }
};

/**
 * Key and chain as they are stored, checked for `name` at `nowMs`. The leaf is the certificate of the key, whatever the order in the
 * file.
 * @throws LinkgateError `ERR_CERT_INVALID` naming what is wrong: wrong key, other names, expired, not yet valid, missing intermediate
 */
export const prepareImport = (options: ImportOptions): KeyAndChain & CertificateFacts => {
  const { name, nowMs } = options;
  const key = readKey(options);
  const certificates = readCertificates(options);
  const [first] = certificates;
  if (first === undefined) throw refuse(name, 'has no certificate in its file');
  const leaf = certificates.find((certificate) => certificate.checkPrivateKey(key));
  if (leaf === undefined) {
    throw refuse(
      name,
      `does not match its private key: the key is not that of "${shortName(first.subject)}"`,
    );
  }
  const keyPem = key.export({ type: 'pkcs8', format: 'pem' }).toString();
  const leafFacts = checkCertificate(name, { keyPem, chainPem: leaf.toString() });
  if (leafFacts.notAfterMs <= nowMs) throw refuse(name, `expired at ${day(leafFacts.notAfterMs)}`);
  if (leafFacts.notBeforeMs > nowMs) throw refuse(name, `is not valid before ${day(leafFacts.notBeforeMs)}`);
  const chain = orderChain(leaf, options, certificates);
  for (const above of chain.slice(1)) {
    const untilMs = Date.parse(above.validTo);
    if (untilMs <= nowMs) {
      throw refuse(
        name,
        `has an intermediate, "${shortName(above.subject)}", that expired at ${day(untilMs)}`,
      );
    }
  }
  const keyAndChain = { keyPem, chainPem: chain.map((certificate) => certificate.toString()).join('') };
  try {
    createSecureContext({ key: keyPem, cert: keyAndChain.chainPem });
  } catch (error) {
    throw refuse(
      name,
      'cannot be served: OpenSSL refuses it (a key below 2048 bits, an old signature)',
      error,
    );
  }
  return { ...keyAndChain, ...checkCertificate(name, keyAndChain) };
};
