// DNS messages as far as dynamic updates need them (RFC 1035 §4, RFC 2136 §2), signed and verified by TSIG (RFC 8945) with
// hmac-sha256. Bytes in, bytes out; must not send anything.

import { createHmac, timingSafeEqual } from 'node:crypto';

const [TYPE_SOA, TYPE_TXT, TYPE_TSIG] = [6, 16, 250];
const [CLASS_IN, CLASS_NONE, CLASS_ANY] = [1, 254, 255];
const OPCODE_UPDATE = 5 << 11;
const HEADER_BYTES = 12;
const ALGORITHM = 'hmac-sha256';
/** how far the clocks may be apart */
const FUDGE_SECONDS = 300;

export interface TsigKey {
  readonly name: string;
  readonly secret: Buffer;
}

export interface TxtUpdate {
  /** apex of the zone */
  readonly zone: string;
  readonly name: string;
  readonly value: string;
  /** seconds; undefined removes the record */
  readonly ttl: number | undefined;
}

/** RCODEs (RFC 1035 §4.1.1, RFC 2136 §2.2) and TSIG errors (RFC 8945 §3), as they are called. */
const CODES: ReadonlyMap<number, string> = new Map([
  [1, 'FORMERR'],
  [2, 'SERVFAIL'],
  [3, 'NXDOMAIN'],
  [4, 'NOTIMP'],
  [5, 'REFUSED'],
  [6, 'YXDOMAIN'],
  [7, 'YXRRSET'],
  [8, 'NXRRSET'],
  [9, 'NOTAUTH'],
  [10, 'NOTZONE'],
  [16, 'BADSIG'],
  [17, 'BADKEY'],
  [18, 'BADTIME'],
  [22, 'BADTRUNC'],
]);

const codeName = (code: number): string => CODES.get(code) ?? `code ${code}`;

const u16 = (value: number): Buffer => Buffer.from([(value >> 8) & 0xff, value & 0xff]);
const u32 = (value: number): Buffer => Buffer.concat([u16(value >>> 16), u16(value)]);
const u48 = (value: number): Buffer => {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(value, 0, 6);
  return bytes;
};

/** Uncompressed, in lower case: the canonical form that TSIG signs. @throws RangeError */
const encodeName = (name: string): Buffer => {
  const labels = name
    .toLowerCase()
    .replace(/\.$/, '')
    .split('.')
    .map((label) => Buffer.from(label, 'latin1'));
  if (labels.some(({ length }) => length === 0 || length > 63)) throw new RangeError('not a DNS name');
  const wire = Buffer.concat([
    ...labels.flatMap((label) => [Buffer.from([label.length]), label]),
    Buffer.from([0]),
  ]);
  if (wire.length > 255) throw new RangeError('not a DNS name');
  return wire;
};

const record = (
  name: Buffer,
  { type, recordClass, ttl, data }: { type: number; recordClass: number; ttl: number; data: Buffer },
): Buffer => Buffer.concat([name, u16(type), u16(recordClass), u32(ttl), u16(data.length), data]);

/** An UPDATE that adds or removes one TXT record. */
export const encodeUpdate = (id: number, { zone, name, value, ttl }: TxtUpdate): Buffer => {
  const text = Buffer.from(value, 'latin1');
  if (text.length > 255) throw new RangeError('a TXT record holds 255 octets in one string');
  return Buffer.concat([
    u16(id),
    u16(OPCODE_UPDATE),
    // zone, prerequisites, updates, additional
    u16(1),
    u16(0),
    u16(1),
    u16(0),
    encodeName(zone),
    u16(TYPE_SOA),
    u16(CLASS_IN),
    record(encodeName(name), {
      type: TYPE_TXT,
      // RFC 2136 §2.5.1 and §2.5.4
      recordClass: ttl === undefined ? CLASS_NONE : CLASS_IN,
      ttl: ttl ?? 0,
      data: Buffer.concat([Buffer.from([text.length]), text]),
    }),
  ]);
};

interface Times {
  readonly seconds: number;
  readonly fudge: number;
  readonly error: number;
  readonly other: Buffer;
}

/** RFC 8945 §4.3.3 */
const variables = (keyName: string, { seconds, fudge, error, other }: Times): Buffer =>
  Buffer.concat([
    encodeName(keyName),
    u16(CLASS_ANY),
    u32(0),
    encodeName(ALGORITHM),
    u48(seconds),
    u16(fudge),
    u16(error),
    u16(other.length),
    other,
  ]);

const withAdditional = (message: Buffer, change: number): Buffer => {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(copy.readUInt16BE(10) + change, 10);
  return copy;
};

/** The message with its TSIG record, and the MAC that the answer builds upon. */
export const signMessage = (
  message: Buffer,
  key: TsigKey,
  nowMs: number,
): { readonly message: Buffer; readonly mac: Buffer } => {
  const times = { seconds: Math.floor(nowMs / 1000), fudge: FUDGE_SECONDS, error: 0, other: Buffer.alloc(0) };
  const mac = createHmac('sha256', key.secret).update(message).update(variables(key.name, times)).digest();
  const data = Buffer.concat([
    encodeName(ALGORITHM),
    u48(times.seconds),
    u16(times.fudge),
    u16(mac.length),
    mac,
    message.subarray(0, 2),
    u16(0),
    u16(0),
  ]);
  const tsig = record(encodeName(key.name), { type: TYPE_TSIG, recordClass: CLASS_ANY, ttl: 0, data });
  return { message: Buffer.concat([withAdditional(message, 1), tsig]), mac };
};

/** Behind a name, compressed or not (RFC 1035 §4.1.4). @throws RangeError at the end of the message */
const afterName = (message: Buffer, start: number): number => {
  let at = start;
  for (;;) {
    const length = message.readUInt8(at);
    if (length >= 0xc0) return at + 2;
    at += 1 + length;
    if (length === 0) return at;
  }
};

/** Where the last additional record begins, and its type. */
const lastRecord = (message: Buffer): { readonly start: number; readonly type: number } | undefined => {
  let at = HEADER_BYTES;
  for (let left = message.readUInt16BE(4); left > 0; left -= 1) at = afterName(message, at) + 4;
  let last: { start: number; type: number } | undefined;
  const records = message.readUInt16BE(6) + message.readUInt16BE(8) + message.readUInt16BE(10);
  for (let left = records; left > 0; left -= 1) {
    const start = at;
    const fixed = afterName(message, at);
    last = { start, type: message.readUInt16BE(fixed) };
    at = fixed + 10 + message.readUInt16BE(fixed + 8);
  }
  return at === message.length ? last : undefined;
};

/** What stands in a TSIG record that begins at `start`. */
const readTsig = (message: Buffer, start: number): Times & { readonly mac: Buffer; readonly id: Buffer } => {
  const data = afterName(message, start) + 10;
  const at = afterName(message, data);
  const macEnd = at + 10 + message.readUInt16BE(at + 8);
  const other = message.subarray(macEnd + 6);
  if (other.length !== message.readUInt16BE(macEnd + 4))
    throw new RangeError('TSIG does not end the message');
  return {
    seconds: message.readUIntBE(at, 6),
    fudge: message.readUInt16BE(at + 6),
    mac: message.subarray(at + 10, macEnd),
    id: message.subarray(macEnd, macEnd + 2),
    error: message.readUInt16BE(macEnd + 2),
    other,
  };
};

const isSigned = (
  message: Buffer,
  { start, key, requestMac }: { readonly start: number; readonly key: TsigKey; readonly requestMac: Buffer },
): boolean => {
  const tsig = readTsig(message, start);
  const body = withAdditional(message.subarray(0, start), -1);
  tsig.id.copy(body, 0);
  const mac = createHmac('sha256', key.secret)
    .update(u16(requestMac.length))
    .update(requestMac)
    .update(body)
    .update(variables(key.name, tsig))
    .digest();
  return mac.length === tsig.mac.length && timingSafeEqual(mac, tsig.mac);
};

/**
 * What an answer to an update says: undefined for success, else the reason in a word or two. An answer counts only with
 * a good signature; the time it was signed at does not matter, it answers this very request.
 */
export const answerFault = (
  answer: Buffer,
  { id, key, requestMac }: { readonly id: number; readonly key: TsigKey; readonly requestMac: Buffer },
): string | undefined => {
  try {
    if (answer.readUInt16BE(0) !== id || (answer.readUInt16BE(2) & 0x8000) === 0)
      return 'is not for this update';
    const code = answer.readUInt16BE(2) & 0x0f;
    const last = lastRecord(answer);
    const tsig = last?.type === TYPE_TSIG ? readTsig(answer, last.start) : undefined;
    // Signed or not, a refusal is one: a server that does not know the key cannot sign.
    if (tsig !== undefined && tsig.error !== 0) return `refused the signature: ${codeName(tsig.error)}`;
    if (code !== 0) return `refused: ${codeName(code)}`;
    if (last === undefined || tsig === undefined) return 'sent an answer that is not signed';
    return isSigned(answer, { start: last.start, key, requestMac })
      ? undefined
      : 'sent an answer with a wrong signature';
  } catch (error) {
    if (error instanceof RangeError) return 'sent an answer that ends early';
    throw error;
  }
};
