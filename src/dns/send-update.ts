// One dynamic update of a zone (RFC 2136): what BIND, Knot, PowerDNS and many hosted servers take. Over TCP only, so that no answer
// is forged or cut short. Must not decide which record.

import { randomInt } from 'node:crypto';
import { connect } from 'node:net';
import { LinkgateError } from '../core/errors.ts';
import type { ListenAddress } from '../core/settings.ts';
import { encodeUpdate, type TxtUpdate } from './message.ts';
import { answerFault, signMessage, type TsigKey } from './tsig.ts';

/** One message each way, with its length in front of it (RFC 1035 §4.2.2). */
const exchange = ({ host, port }: ListenAddress, message: Buffer, signal: AbortSignal): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal });
    const length = Buffer.alloc(2);
    length.writeUInt16BE(message.length);
    let received = Buffer.alloc(0);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the connection was closed')));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      resolve(received.subarray(2, 2 + received.readUInt16BE(0)));
      socket.destroy();
    });
    socket.write(Buffer.concat([length, message]));
  });

export interface SendUpdateOptions {
  readonly server: ListenAddress;
  readonly key: TsigKey;
  /** for the signature: servers refuse one that is minutes off */
  readonly nowMs: number;
  /** must have a deadline: a server may say nothing */
  readonly signal: AbortSignal;
}

/** @throws LinkgateError `ERR_DNS_UNAVAILABLE`, or the reason of `signal` */
export const sendUpdate = async (
  update: TxtUpdate,
  { server, key, nowMs, signal }: SendUpdateOptions,
): Promise<void> => {
  const id = randomInt(0x1_0000);
  const { message, mac } = signMessage(encodeUpdate(id, update), key, nowMs);
  const subject = `name server ${server.host}:${server.port}`;
  let answer: Buffer;
  try {
    answer = await exchange(server, message, signal);
  } catch (error) {
    signal.throwIfAborted();
    const what = `${subject} could not be asked: ${(error as Error).message}`;
    throw new LinkgateError('ERR_DNS_UNAVAILABLE', what, { cause: error });
  }
  const fault = answerFault(answer, { id, key, requestMac: mac });
  if (fault === undefined) return;
  throw new LinkgateError('ERR_DNS_UNAVAILABLE', `${subject} ${fault} (update of "${update.name}")`);
};
