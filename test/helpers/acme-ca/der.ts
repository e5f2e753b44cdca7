// DER (X.690) as far as certificates and requests need it: written from the inside out, read one element at a time.

const length = (bytes: number): Buffer => {
  if (bytes < 0x80) return Buffer.from([bytes]);
  const digits = bytes.toString(16);
  const big = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex');
  return Buffer.concat([Buffer.from([0x80 | big.length]), big]);
};

/** One element: tag, length, content. */
export const element = (tag: number, ...content: readonly Buffer[]): Buffer => {
  const whole = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag]), length(whole.length), whole]);
};

export const sequence = (...content: readonly Buffer[]): Buffer => element(0x30, ...content);
export const set = (...content: readonly Buffer[]): Buffer => element(0x31, ...content);
export const octets = (content: Buffer): Buffer => element(0x04, content);
export const bits = (content: Buffer, unused = 0): Buffer => element(0x03, Buffer.from([unused]), content);
export const text = (value: string): Buffer => element(0x0c, Buffer.from(value, 'utf8'));
export const boolean = (value: boolean): Buffer => element(0x01, Buffer.from([value ? 0xff : 0]));
/** context-specific: `[n]`, constructed unless told */
export const context = (n: number, content: Buffer, isConstructed = true): Buffer =>
  element(0x80 | (isConstructed ? 0x20 : 0) | n, content);

/** of an unsigned number in big-endian bytes */
export const integer = (unsigned: Buffer): Buffer =>
  element(0x02, (unsigned[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), unsigned]) : unsigned);

export const oid = (dotted: string): Buffer => {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const sevens = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) sevens.unshift((left & 0x7f) | 0x80);
    return sevens;
  });
  return element(0x06, Buffer.from(bytes));
};

/** GeneralizedTime, which every date may be written in as far as Node and OpenSSL care. */
export const time = (ms: number): Buffer => {
  const digits = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  // RFC 5280 §4.1.2.5: UTCTime up to 2049
  return digits < '2050'
    ? element(0x17, Buffer.from(digits.slice(2), 'latin1'))
    : element(0x18, Buffer.from(digits, 'latin1'));
};

export interface Element {
  readonly tag: number;
  readonly content: Buffer;
  /** with tag and length */
  readonly raw: Buffer;
}

/** The elements of a content, one after the other. @throws RangeError when it ends early */
export const elements = (content: Buffer): readonly Element[] => {
  const found: Element[] = [];
  for (let at = 0; at < content.length;) {
    const tag = content.readUInt8(at);
    const first = content.readUInt8(at + 1);
    const more = first < 0x80 ? 0 : first & 0x7f;
    const bytes = more === 0 ? first : content.readUIntBE(at + 2, more);
    const start = at + 2 + more;
    const end = start + bytes;
    if (end > content.length) throw new RangeError('element is longer than what it stands in');
    found.push({ tag, content: content.subarray(start, end), raw: content.subarray(at, end) });
    at = end;
  }
  return found;
};

/** The n-th element of a content. */
export const child = ({ content }: { readonly content: Buffer }, n: number): Element => {
  const found = elements(content)[n];
  if (found === undefined) throw new RangeError(`no element ${n}`);
  return found;
};
