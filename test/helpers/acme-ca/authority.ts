// The signing side of the test CA: two roots, one intermediate that both have signed, and leaves for whatever key a
// request brings.

import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  verify,
  X509Certificate,
  type KeyObject,
} from 'node:crypto';
import * as der from './der.ts';

const CN = '2.5.4.3';
const SAN = '2.5.29.17';
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
const ECDSA_SHA256 = der.sequence(der.oid('1.2.840.10045.4.3.2'));
const HASHES: Readonly<Record<string, string>> = {
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.113549.1.1.11': 'sha256',
};

const name = (commonName: string): Buffer =>
  commonName === '' ? der.sequence() : der.sequence(der.set(der.sequence(der.oid(CN), der.text(commonName))));
const spkiOf = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' });
const identifierOf = (spki: Buffer): Buffer =>
  createHash('sha1')
    .update(der.child(der.child({ content: spki }, 0), 1).content.subarray(1))
    .digest();
const extension = (oid: string, value: Buffer, isCritical = false): Buffer =>
  der.sequence(der.oid(oid), ...(isCritical ? [der.boolean(true)] : []), der.octets(value));
const pem = (raw: Buffer): string => new X509Certificate(raw).toString();

interface Signer {
  readonly commonName: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const createSigner = (commonName: string): Signer => ({
  commonName,
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }),
});

interface Blueprint {
  readonly subject: string;
  readonly spki: Buffer;
  readonly signer: Signer;
  readonly serial: Buffer;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly extensions: readonly Buffer[];
}

const certify = (print: Blueprint): Buffer => {
  const signer = identifierOf(spkiOf(print.signer.publicKey));
  const tbs = der.sequence(
    der.context(0, der.integer(Buffer.from([2]))),
    der.integer(print.serial),
    ECDSA_SHA256,
    name(print.signer.commonName),
    der.sequence(der.time(print.notBeforeMs), der.time(print.notAfterMs)),
    name(print.subject),
    print.spki,
    der.context(
      3,
      der.sequence(
        ...print.extensions,
        extension('2.5.29.14', der.octets(identifierOf(print.spki))),
        extension('2.5.29.35', der.sequence(der.context(0, signer, false))),
      ),
    ),
  );
  return der.sequence(tbs, ECDSA_SHA256, der.bits(sign('sha256', tbs, print.signer.privateKey)));
};

const YEAR_MS = 365 * 86_400_000;

const authorityCertificate = (subject: Signer, signer: Signer): string =>
  pem(
    certify({
      subject: subject.commonName,
      spki: spkiOf(subject.publicKey),
      signer,
      // no leading zero, which DER forbids where it is not needed
      serial: Buffer.concat([Buffer.from([1]), randomBytes(15)]),
      // long, for tests that move their clocks
      notBeforeMs: Date.now() - 10 * YEAR_MS,
      notAfterMs: Date.now() + 10 * YEAR_MS,
      extensions: [
        extension('2.5.29.19', der.sequence(der.boolean(true)), true),
        extension('2.5.29.15', der.bits(Buffer.from([0x06]), 1), true),
      ],
    }),
  );

export interface CertificateRequest {
  readonly spki: Buffer;
  /** dNSNames, in lower case */
  readonly names: readonly string[];
}

const oidText = (element: der.Element): string =>
  Object.keys(HASHES).find((dotted) => der.oid(dotted).equals(element.raw)) ?? '';

/** Reads a PKCS#10 request (RFC 2986) and checks its signature. @throws Error when it is none */
export const parseRequest = (request: Buffer): CertificateRequest => {
  const whole = der.child({ content: request }, 0);
  const info = der.child(whole, 0);
  const spki = der.child(info, 2).raw;
  const hash = HASHES[oidText(der.child(der.child(whole, 1), 0))];
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  if (!verify(hash, info.raw, key, der.child(whole, 2).content.subarray(1))) throw new Error('bad signature');
  const attributes = der.elements(der.child(info, 3).content);
  const wanted = attributes.find((one) => der.child(one, 0).raw.equals(der.oid(EXTENSION_REQUEST)));
  const extensions = wanted === undefined ? [] : der.elements(der.child(der.child(wanted, 1), 0).content);
  const san = extensions.find((one) => der.child(one, 0).raw.equals(der.oid(SAN)));
  const value = san === undefined ? undefined : der.elements(san.content).at(-1);
  const names = value === undefined ? [] : der.elements(der.child(value, 0).content);
  return { spki, names: names.map(({ content }) => content.toString('latin1').toLowerCase()) };
};

export interface Leaf {
  readonly raw: Buffer;
  readonly pem: string;
  /** RFC 9773 §4.1 */
  readonly id: string;
}

export interface Authority {
  /** PEM of the root to trust */
  readonly rootPem: string;
  /** PEM of the other root, `other root`: what an alternate chain ends in */
  readonly otherRootPem: string;
  issue(leaf: CertificateRequest & { readonly notBeforeMs: number; readonly notAfterMs: number }): Leaf;
  /** what stands behind a leaf: the usual, and the alternate one */
  readonly intermediatePem: string;
  readonly otherIntermediatePem: string;
}

export const createAuthority = (): Authority => {
  const root = createSigner('first root');
  const otherRoot = createSigner('other root');
  const intermediate = createSigner('test intermediate');
  const keyId = identifierOf(spkiOf(intermediate.publicKey)).toString('base64url');
  return {
    rootPem: authorityCertificate(root, root),
    otherRootPem: authorityCertificate(otherRoot, otherRoot),
    intermediatePem: authorityCertificate(intermediate, root),
    otherIntermediatePem: authorityCertificate(intermediate, otherRoot),
    issue: ({ spki, names, notBeforeMs, notAfterMs }) => {
      // The first byte needs a leading zero in every second one: ids must keep it.
      const serial = Buffer.concat([Buffer.from([1 + ((randomBytes(1)[0] ?? 0) % 255)]), randomBytes(15)]);
      const altNames = der.sequence(...names.map((one) => der.element(0x82, Buffer.from(one, 'latin1'))));
      const raw = certify({
        subject: '',
        spki,
        signer: intermediate,
        serial,
        notBeforeMs,
        notAfterMs,
        extensions: [
          extension('2.5.29.15', der.bits(Buffer.from([0x80]), 7), true),
          extension('2.5.29.37', der.sequence(der.oid('1.3.6.1.5.5.7.3.1'))),
          extension(SAN, altNames, true),
        ],
      });
      const id = `${keyId}.${der.elements(der.integer(serial))[0]?.content.toString('base64url') ?? ''}`;
      return { raw, pem: pem(raw), id };
    },
  };
};
