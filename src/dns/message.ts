// DNS messages as far as dynamic updates need them (RFC 1035 §4, RFC 2136 §2). tsig.ts signs them, send-update.ts sends them. Bytes
// in, bytes out; must not send anything.

const [TYPE_SOA, TYPE_TXT] = [6, 16];
const [CLASS_IN, CLASS_NONE] = [1, 254];
const OPCODE_UPDATE = 5 << 11;
const HEADER_BYTES = 12;

export interface TxtUpdate {
  /** apex of the zone */
  readonly zone: string;
  readonly name: string;
  readonly value: string;
  /** seconds; undefined removes the record */
  readonly ttl: number | undefined;
}

export const u16 = (value: number): Buffer => Buffer.from([(value >> 8) & 0xff, value & 0xff]);
export const u32 = (value: number): Buffer => Buffer.concat([u16(value >>> 16), u16(value)]);
export const u48 = (value: number): Buffer => {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(value, 0, 6);
  return bytes;
};

/** Uncompressed, in lower case: the canonical form that TSIG signs. @throws RangeError */
export const encodeName = (name: string): Buffer => {
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

export const encodeRecord = (
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
    encodeRecord(encodeName(name), {
      type: TYPE_TXT,
      // RFC 2136 §2.5.1 and §2.5.4
      recordClass: ttl === undefined ? CLASS_NONE : CLASS_IN,
      ttl: ttl ?? 0,
      data: Buffer.concat([Buffer.from([text.length]), text]),
    }),
  ]);
};

/** Behind a name, compressed or not (RFC 1035 §4.1.4). @throws RangeError at the end of the message */
export const afterName = (message: Buffer, start: number): number => {
  let at = start;
  for (;;) {
    const length = message.readUInt8(at);
    if (length >= 0xc0) return at + 2;
    at += 1 + length;
    if (length === 0) return at;
  }
};

/** Where the last additional record begins, and its type. */
export const lastRecord = (
  message: Buffer,
): { readonly start: number; readonly type: number } | undefined => {
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
