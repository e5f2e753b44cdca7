// Signatures of DNS messages: TSIG (RFC 8945) with hmac-sha256. Signs an update and checks what the server says to it. Bytes in,
// bytes out; must not send anything.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { afterName, encodeName, encodeRecord, lastRecord, u16, u32, u48 } from './message.ts';

const TYPE_TSIG = 250;
const CLASS_ANY = 255;
const ALGORITHM = 'hmac-sha256';
/** how far the clocks may be apart */
const FUDGE_SECONDS = 300;

export interface TsigKey {
  readonly name: string;
  readonly secret: Buffer;
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
  const tsig = encodeRecord(encodeName(key.name), { type: TYPE_TSIG, recordClass: CLASS_ANY, ttl: 0, data });
  return { message: Buffer.concat([withAdditional(message, 1), tsig]), mac };
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
