// X.509 certificates (RFC 5280) over P-256 as bytes, without a library: a hundred thousand of them in seconds. For the bench alone.

import { sign, type KeyObject } from 'node:crypto';

const element = (tag: number, ...contents: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(contents);
  const { length } = body;
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), body]);
};

const hex = (digits: string): Buffer => Buffer.from(digits, 'hex');
const sequence = (...contents: readonly Uint8Array[]): Buffer => element(0x30, ...contents);
const octets = (content: Uint8Array): Buffer => element(0x04, content);
const bits = (content: Uint8Array): Buffer => element(0x03, Buffer.from([0]), content);

/** AlgorithmIdentifier ecdsa-with-SHA256 (RFC 5758 §3.2) */
const ECDSA_SHA256 = sequence(hex('06082a8648ce3d040302'));
const COMMON_NAME = hex('0603550403');
const TRUE = hex('0101ff');

/** Name with a common name only; the empty name where there is none. */
const nameOf = (commonName: string): Buffer =>
  commonName === ''
    ? sequence()
    : sequence(element(0x31, sequence(COMMON_NAME, element(0x0c, Buffer.from(commonName)))));

/** UTCTime, good until 2049 (RFC 5280 §4.1.2.5.1) */
const timeOf = (ms: number): Buffer =>
  element(0x17, Buffer.from(`${new Date(ms).toISOString().replace(/\D/g, '').slice(2, 14)}Z`));

const extension = (oid: string, isCritical: boolean, value: Buffer): Buffer =>
  sequence(hex(oid), ...(isCritical ? [TRUE] : []), octets(value));

/** basicConstraints CA, keyUsage keyCertSign and cRLSign */
const caExtensions = (): readonly Buffer[] => [
  extension('0603551d13', true, sequence(TRUE)),
  extension('0603551d0f', true, hex('03020106')),
];

/** keyUsage digitalSignature, extendedKeyUsage serverAuth, subjectAltName (critical, as the subject is empty) */
const leafExtensions = (name: string): readonly Buffer[] => [
  extension('0603551d0f', true, hex('03020780')),
  extension('0603551d25', false, sequence(hex('06082b06010505070301'))),
  extension('0603551d11', true, sequence(element(0x82, Buffer.from(name)))),
];

export interface CertificatePlan {
  /** below 2^47 */
  readonly serial: number;
  /** common name of a CA; of a leaf it stays empty, as its name is in subjectAltName */
  readonly subject: string;
  readonly issuer: string;
  /** SubjectPublicKeyInfo */
  readonly spkiDer: Uint8Array;
  /** P-256 private key of the issuer */
  readonly signer: KeyObject;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** DNS name of a leaf; undefined makes a CA */
  readonly name?: string;
}

/** Builds and signs a certificate. */
export const certificateDer = (plan: CertificatePlan): Buffer => {
  const { name } = plan;
  const serial = Buffer.alloc(7, 0);
  serial[0] = 0x40;
  serial.writeUIntBE(plan.serial, 1, 6);
  const tbs = sequence(
    element(0xa0, hex('020102')),
    element(0x02, serial),
    ECDSA_SHA256,
    nameOf(plan.issuer),
    sequence(timeOf(plan.notBeforeMs), timeOf(plan.notAfterMs)),
    nameOf(plan.subject),
    plan.spkiDer,
    element(0xa3, sequence(...(name === undefined ? caExtensions() : leafExtensions(name)))),
  );
  return sequence(tbs, ECDSA_SHA256, bits(sign('sha256', tbs, plan.signer)));
};

export const pemOf = (label: string, der: Uint8Array): string => {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
};
