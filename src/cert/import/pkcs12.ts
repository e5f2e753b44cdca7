// Reads and writes PKCS#12 (RFC 7292), for certificates that come from other programs or go to them. node-forge knows the format but only
// RSA, so keys and certificates pass through it as bytes. It does not check what it carries: prepare-import.ts does.

import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import forge from 'node-forge';
import { LinkgateError } from '../../core/errors.ts';
import { splitChain, type KeyAndChain } from '../certificate/certificate.ts';

const { asn1, pki, pkcs12, util } = forge;
type Asn1 = forge.asn1.Asn1;

/** as OpenSSL 3 does; twice as many cost a guesser and the owner twice the time */
const ROUNDS = 10_000;
const SALT_BYTES = 16;

const derOf = (value: Asn1): Buffer => Buffer.from(asn1.toDer(value).getBytes(), 'binary');
const node = (type: forge.asn1.Type, value: string | Asn1[]): Asn1 =>
  asn1.create(asn1.Class.UNIVERSAL, type, Array.isArray(value), value);
const sequence = (...values: Asn1[]): Asn1 => node(asn1.Type.SEQUENCE, values);
const oid = (name: string): Asn1 => node(asn1.Type.OID, asn1.oidToDer(pki.oids[name] ?? '').getBytes());
const octets = (value: string): Asn1 => node(asn1.Type.OCTETSTRING, value);
const integer = (value: number): Asn1 => node(asn1.Type.INTEGER, asn1.integerToDer(value).getBytes());
const tagged = (value: Asn1): Asn1 => asn1.create(asn1.Class.CONTEXT_SPECIFIC, 0, true, [value]);
const bytesOf = (value: Asn1): string => asn1.toDer(value).getBytes();
/** ContentInfo of type data (RFC 7292 §4) */
const data = (value: Asn1): Asn1 => sequence(oid('data'), tagged(octets(bytesOf(value))));

const attribute = (name: string, value: Asn1): Asn1 => sequence(oid(name), node(asn1.Type.SET, [value]));
/** ties the key to its certificate */
const localKeyId = (id: string): Asn1 => attribute('localKeyId', octets(id));
/** forge writes each character of a BMPSTRING as two octets */
const friendlyName = (name: string): Asn1 => attribute('friendlyName', node(asn1.Type.BMPSTRING, name));

/** Left out of the types of node-forge, or typed for its own use. */
const { generateKey } = pkcs12 as unknown as {
  generateKey(
    password: string,
    salt: forge.util.ByteStringBuffer,
    id: number,
    rounds: number,
    bytes: number,
    digest: forge.md.MessageDigest,
  ): forge.util.ByteStringBuffer;
};

const MAC_KEY = 3;

/** MacData (RFC 7292 §4) over the content, by HMAC-SHA256. */
const macData = (content: string, password: string): Asn1 => {
  const salt = randomBytes(SALT_BYTES).toString('binary');
  const key = generateKey(password, util.createBuffer(salt), MAC_KEY, ROUNDS, 32, forge.md.sha256.create());
  const hmac = forge.hmac.create();
  hmac.start(forge.md.sha256.create(), key);
  hmac.update(content);
  const digestInfo = sequence(
    sequence(oid('sha256'), node(asn1.Type.NULL, '')),
    octets(hmac.getMac().getBytes()),
  );
  return sequence(digestInfo, octets(salt), integer(ROUNDS));
};

/** A PFX with the key (AES-256) and the whole chain, as OpenSSL 1.1 and later, Windows Server 2019 and Java 8u301 read it. */
export const encodePkcs12 = ({ keyPem, chainPem }: KeyAndChain, password: string, name: string): Buffer => {
  const keyDer = createPrivateKey(keyPem).export({ type: 'pkcs8', format: 'der' });
  const chain = splitChain(chainPem).map((pem) => new X509Certificate(pem));
  const id = Buffer.from((chain[0]?.fingerprint ?? '').replaceAll(':', ''), 'hex').toString('binary');
  const certificates = chain.map((certificate, index) =>
    sequence(
      oid('certBag'),
      tagged(sequence(oid('x509Certificate'), tagged(octets(certificate.raw.toString('binary'))))),
      ...(index === 0 ? [node(asn1.Type.SET, [friendlyName(name), localKeyId(id)])] : []),
    ),
  );
  const encrypted = pki.encryptPrivateKeyInfo(asn1.fromDer(keyDer.toString('binary')), password, {
    algorithm: 'aes256',
    prfAlgorithm: 'sha256',
    count: ROUNDS,
  } as forge.pki.EncryptionOptions) as Asn1;
  const key = sequence(
    oid('pkcs8ShroudedKeyBag'),
    tagged(encrypted),
    node(asn1.Type.SET, [friendlyName(name), localKeyId(id)]),
  );
  const content = sequence(data(sequence(...certificates)), data(sequence(key)));
  return derOf(sequence(integer(3), data(content), macData(bytesOf(content), password)));
};

interface Bag {
  readonly key?: forge.pki.PrivateKey | null;
  readonly cert?: forge.pki.Certificate | null;
  /** what node-forge could not understand, such as an EC key */
  readonly asn1?: Asn1;
}

const certificatePem = ({ cert, asn1: raw }: Bag): string => {
  const der = cert === undefined || cert === null ? raw : pki.certificateToAsn1(cert);
  return der === undefined ? '' : new X509Certificate(derOf(der)).toString();
};

const keyPemOf = ({ key, asn1: raw }: Bag): string => {
  const info =
    key === undefined || key === null
      ? raw
      : pki.wrapRsaPrivateKey(pki.privateKeyToAsn1(key as forge.pki.rsa.PrivateKey));
  if (info === undefined) throw new TypeError('key bag is empty');
  return createPrivateKey({ key: derOf(info), format: 'der', type: 'pkcs8' })
    .export({ type: 'pkcs8', format: 'pem' })
    .toString();
};

const invalid = (what: string, cause?: unknown): LinkgateError =>
  new LinkgateError('ERR_CERT_INVALID', `PKCS#12 file ${what}`, { cause });

/**
 * The key of a PFX, and its certificates in the order they stand there.
 * @throws LinkgateError `ERR_CERT_INVALID`: no PKCS#12, wrong password, or not one key
 */
export const decodePkcs12 = (pfx: Buffer, password: string): KeyAndChain => {
  let parsed: Asn1;
  try {
    parsed = asn1.fromDer(pfx.toString('binary'));
  } catch (error) {
    throw invalid('cannot be read: it is not PKCS#12', error);
  }
  let file: forge.pkcs12.Pkcs12Pfx;
  try {
    file = pkcs12.pkcs12FromAsn1(parsed, false, password);
  } catch (error) {
    const isPassword = /mac|password|decrypt/i.test(error instanceof Error ? error.message : '');
    throw invalid(isPassword ? 'cannot be opened with this password' : 'cannot be read', error);
  }
  const bags = (type: string): readonly Bag[] =>
    (file.getBags({ bagType: type })[type] ?? []) as unknown as readonly Bag[];
  const keys = [...bags(pki.oids['pkcs8ShroudedKeyBag'] ?? ''), ...bags(pki.oids['keyBag'] ?? '')];
  const [key] = keys;
  if (key === undefined || keys.length > 1) throw invalid(`has ${keys.length} private keys, not one`);
  try {
    return {
      keyPem: keyPemOf(key),
      chainPem: bags(pki.oids['certBag'] ?? '')
        .map(certificatePem)
        .join(''),
    };
  } catch (error) {
    throw invalid('holds a key or certificate that cannot be read', error);
  }
};
