// A ClientHello written by hand (RFC 8446 §4.1.2), and what a server says to it: any suite can be offered, also those that the TLS
// library of this machine does not have. The handshake goes no further than the ServerHello.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { connect } from 'node:net';

export type HelloVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';

export interface HelloOptions {
  readonly port: number;
  readonly servername: string;
  readonly version: HelloVersion;
  /** suites by their number, in the order of the offer */
  readonly suites: readonly number[];
  /** extensions behind the server name: type and content */
  readonly more?: readonly (readonly [number, Buffer])[];
}

/** The suite of the ServerHello, or the number of the alert (RFC 8446 §6). */
export type HelloAnswer = { readonly suite: number } | { readonly alert: number };

export const ALERT = { handshakeFailure: 40, protocolVersion: 70 } as const;

const VERSIONS = { TLSv1: 0x0301, 'TLSv1.1': 0x0302, 'TLSv1.2': 0x0303, 'TLSv1.3': 0x0304 } as const;
const LIMIT_MS = 20_000;

const number = (value: number, bytes: number): Buffer => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
};

/** bytes behind their length, which is written in so many bytes */
const sized = (bytes: number, ...parts: readonly Buffer[]): Buffer => {
  const content = Buffer.concat(parts);
  return Buffer.concat([number(content.length, bytes), content]);
};

const list = (values: readonly number[]): Buffer => sized(2, ...values.map((value) => number(value, 2)));

/** One for all offers: none of them becomes a connection. */
const SHARE = generateKeyPairSync('x25519').publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
const X25519 = 0x001d;
const SECP256R1 = 0x0017;
const SECP384R1 = 0x0018;
/** ecdsa_secp256r1_sha256, rsa_pss_rsae_sha256, rsa_pkcs1_sha256, and with SHA-1 for what is too old for these */
const SIGNATURES = [0x0403, 0x0804, 0x0401, 0x0203, 0x0201];

const extensions = ({ servername, version, more = [] }: Omit<HelloOptions, 'port'>): Buffer => {
  const extension = (type: number, content: Buffer): Buffer =>
    Buffer.concat([number(type, 2), sized(2, content)]);
  const always = [
    extension(0x0000, sized(2, Buffer.of(0), sized(2, Buffer.from(servername)))),
    ...more.map(([type, content]) => extension(type, content)),
    extension(0x000a, list([X25519, SECP256R1, SECP384R1])),
    extension(0x000b, Buffer.of(1, 0)),
    extension(0x000d, list(SIGNATURES)),
    extension(0x0017, Buffer.alloc(0)),
    extension(0xff01, Buffer.of(0)),
  ];
  const for13 = [
    extension(0x002b, sized(1, number(VERSIONS['TLSv1.3'], 2))),
    extension(0x0033, sized(2, number(X25519, 2), sized(2, SHARE))),
  ];
  return sized(2, ...always, ...(version === 'TLSv1.3' ? for13 : []));
};

/** One record with one ClientHello. */
export const clientHello = (options: Omit<HelloOptions, 'port'>): Buffer => {
  const version = Math.min(VERSIONS[options.version], VERSIONS['TLSv1.2']);
  const body = Buffer.concat([
    number(version, 2),
    randomBytes(32),
    sized(1, randomBytes(32)),
    list(options.suites),
    Buffer.of(1, 0),
    extensions(options),
  ]);
  const message = Buffer.concat([Buffer.of(1), sized(3, body)]);
  return Buffer.concat([Buffer.of(22), number(VERSIONS.TLSv1, 2), sized(2, message)]);
};

/** undefined as long as there are too few bytes */
const answerOf = (bytes: Buffer): HelloAnswer | undefined => {
  if (bytes[0] === 21) return bytes.length < 7 ? undefined : { alert: bytes.readUInt8(6) };
  // record 5, message 4, version 2, random 32, then the session id behind its length
  const at = 44 + (bytes[43] ?? 0);
  return bytes.length < at + 2 ? undefined : { suite: bytes.readUInt16BE(at) };
};

/** Says hello once. @throws Error when the connection ends with neither a ServerHello nor an alert */
export const sayHello = (options: HelloOptions): Promise<HelloAnswer> =>
  new Promise((resolve, reject) => {
    const socket = connect(options.port, '127.0.0.1', () => socket.write(clientHello(options)));
    let bytes = Buffer.alloc(0);
    socket.setTimeout(LIMIT_MS, () => socket.destroy(new Error('neither ServerHello nor alert in time')));
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      const answer = answerOf(bytes);
      if (answer === undefined) return;
      resolve(answer);
      socket.destroy();
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed with neither ServerHello nor alert')));
  });
