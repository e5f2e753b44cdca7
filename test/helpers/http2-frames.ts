// HTTP/2 frames byte by byte (RFC 9113 §4.1), for clients that a library would not let be so rude.

/** One frame (RFC 9113 §4.1). */
export const frame = (type: number, flags: number, stream: number, payload: Buffer): Buffer => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
};
const text = (value: string): Buffer => {
  const bytes = Buffer.from(value, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const rest = bytes.length - 127;
  const head = [127];
  let left = rest;
  for (; left >= 128; left >>= 7) head.push((left & 127) | 128);
  return Buffer.concat([Buffer.from([...head, left]), bytes]);
};
/** HPACK literals without indexing (RFC 7541 §6.2.2): any bytes at all. */
export const headers = (fields: [string, string][]): Buffer =>
  Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
export const PREFACE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  frame(4, 0, 0, Buffer.alloc(0)),
]);
export const REQUEST: [string, string][] = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'links.example.com'],
  [':path', '/outer'],
];
export const END_HEADERS = 4;
export const END_STREAM = 1;
