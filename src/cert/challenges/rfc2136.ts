// TXT records by dynamic update (RFC 2136), signed by TSIG: what BIND, Knot, PowerDNS and many hosted servers take. Over TCP
// only, so that no answer is forged or cut short. Must not decide which record.

import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Clock } from '../../core/platform/clock.ts';
import { LinkgateError } from '../../core/errors.ts';
import type { Rfc2136Settings } from '../../core/settings.ts';
import { withDeadline } from '../../core/platform/deadline.ts';
import { answerFault, encodeUpdate, signMessage, type TsigKey } from './dns-message.ts';
import type { DnsProvider, TxtRecord } from './dns-provider.ts';

const LIMIT_MS = 15_000;
/** short: nobody needs it for longer than the CA looks */
const TTL_SECONDS = 60;

const unavailable = (what: string, cause?: unknown): LinkgateError =>
  new LinkgateError('ERR_DNS_UNAVAILABLE', what, { cause });

/** @throws LinkgateError, without a word of what the file holds */
const readKey = async ({ keyName, keyFile }: Rfc2136Settings): Promise<TsigKey> => {
  let text: string;
  try {
    text = (await readFile(keyFile, 'utf8')).trim();
  } catch (error) {
    throw unavailable(`dns.keyFile "${keyFile}" cannot be read`, error);
  }
  if (!/^[A-Za-z0-9+/]{8,1000}={0,2}$/.test(text)) {
    throw unavailable(`dns.keyFile "${keyFile}" holds no secret in base64`);
  }
  return { name: keyName, secret: Buffer.from(text, 'base64') };
};

/** One message each way, with the length before it (RFC 1035 §4.2.2). */
const exchange = (
  { host, port }: Rfc2136Settings['server'],
  message: Buffer,
  signal: AbortSignal,
): Promise<Buffer> =>
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

export const createRfc2136Provider = ({
  settings,
  clock,
}: {
  readonly settings: Rfc2136Settings;
  readonly clock: Clock;
}): DnsProvider => {
  const { server } = settings;
  const subject = `name server ${server.host}:${server.port}`;

  const update = async (
    { name, value, zone }: TxtRecord,
    ttl: number | undefined,
    signal: AbortSignal,
  ): Promise<void> => {
    const key = await readKey(settings);
    const id = randomInt(0x1_0000);
    const change = encodeUpdate(id, { zone: settings.zone ?? zone, name, value, ttl });
    const { message, mac } = signMessage(change, key, clock.now());
    const late = (): Error => unavailable(`${subject} did not answer in ${LIMIT_MS} ms`);
    const fault = await withDeadline({ clock, limitMs: LIMIT_MS, signal, late }, async (signal) => {
      try {
        return answerFault(await exchange(server, message, signal), { id, key, requestMac: mac });
      } catch (error) {
        signal.throwIfAborted();
        throw unavailable(`${subject} could not be asked: ${(error as Error).message}`, error);
      }
    });
    if (fault !== undefined) throw unavailable(`${subject} ${fault} (update of "${name}")`);
  };

  return {
    present: (record, signal) => update(record, TTL_SECONDS, signal),
    cleanUp: (record, signal) => update(record, undefined, signal),
  };
};
