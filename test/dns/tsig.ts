import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { encodeUpdate } from '../../src/dns/message.ts';
import { answerFault, signMessage } from '../../src/dns/tsig.ts';

const key = { name: 'Key.Example.', secret: Buffer.from('a secret of many octets') };
const update = { zone: 'example.com', name: '_acme-challenge.Links.example.com', value: 'abc', ttl: 60 };

/** A server's answer under the key: an independent signer, as RFC 8945 §5.3 describes it. */
const answer = (
  requestMac: Buffer,
  { code = 0, tsigError = 0, secret = key.secret, id = 7 } = {},
): Buffer => {
  const head = Buffer.from([0, id, 0xa8, code, 0, 0, 0, 0, 0, 0, 0, 0]);
  const keyName = Buffer.from('\x03key\x07example\0', 'latin1');
  const algorithm = Buffer.from('\x0bhmac-sha256\0', 'latin1');
  const times = Buffer.from([0, 0, 0x65, 0, 0, 0, 1, 0x2c]);
  const tail = Buffer.from([0, tsigError, 0, 0]);
  const mac = createHmac('sha256', secret)
    .update(Buffer.from([0, requestMac.length]))
    .update(Buffer.concat([requestMac, head, keyName, Buffer.from([0, 255, 0, 0, 0, 0])]))
    .update(Buffer.concat([algorithm, times, tail]))
    .digest();
  const data = Buffer.concat([
    algorithm,
    times,
    Buffer.from([0, mac.length]),
    mac,
    Buffer.from([0, id]),
    tail,
  ]);
  const counted = Buffer.from(head);
  counted[11] = 1;
  return Buffer.concat([counted, keyName, Buffer.from([0, 250, 0, 255, 0, 0, 0, 0, 0, data.length]), data]);
};

t.test('only a signed answer to this very update counts', async (t) => {
  const { mac } = signMessage(encodeUpdate(7, update), key, Date.UTC(2026, 0, 1));
  const fault = (bytes: Buffer, id = 7) => answerFault(bytes, { id, key, requestMac: mac });
  t.equal(fault(answer(mac)), undefined);
  t.match(fault(answer(mac), 8), /not for this update/);
  t.match(fault(answer(mac, { secret: Buffer.from('other') })), /wrong signature/);
  t.match(fault(answer(Buffer.alloc(32))), /wrong signature/, 'an answer to something else');
  t.match(fault(answer(mac, { code: 5 })), /refused: REFUSED/);
  t.match(fault(answer(mac, { code: 9, tsigError: 17 })), /refused the signature: BADKEY/);
  t.match(fault(answer(mac, { code: 15 })), /refused: code 15/);
  t.match(fault(Buffer.from([0, 7, 0xa8, 0, 0, 0, 0, 0, 0, 0, 0, 0])), /not signed/);
});

t.test('no bytes from outside make it throw, and none changed pass', async () => {
  const { mac } = signMessage(encodeUpdate(7, update), key, Date.UTC(2026, 0, 1));
  const good = answer(mac);
  const fault = (bytes: Buffer) => answerFault(bytes, { id: 7, key, requestMac: mac });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => fault(Buffer.from(bytes)) !== undefined),
  );
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const bytes = Buffer.from(good);
      bytes[at] = (bytes[at] ?? 0) ^ change;
      // The case of a name, and fields that RFC 8945 leaves out of the signature (class and TTL aside), may differ.
      const keyNameEnd = 12 + 13;
      const isUnsigned =
        (at >= 12 && at < keyNameEnd + 10) || (at >= keyNameEnd + 10 && at < keyNameEnd + 23);
      return isUnsigned || fault(bytes) !== undefined;
    }),
  );
  fc.assert(fc.property(fc.nat(good.length - 1), (length) => fault(good.subarray(0, length)) !== undefined));
});
