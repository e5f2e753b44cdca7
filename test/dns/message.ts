import t from 'tap';
import { encodeUpdate, lastRecord } from '../../src/dns/message.ts';

const update = { zone: 'example.com', name: '_acme-challenge.Links.example.com', value: 'abc', ttl: 60 };

t.test('an update is what RFC 2136 says, byte for byte', async (t) => {
  const zone = '076578616d706c6503636f6d00';
  const name = `0f5f61636d652d6368616c6c656e6765056c696e6b73${zone}`;
  const head = `00072800${'0001'}${'0000'}${'0001'}${'0000'}${zone}00060001${name}0010`;
  t.equal(encodeUpdate(7, update).toString('hex'), `${head}0001${'0000003c'}${'0004'}03616263`);
  t.equal(
    encodeUpdate(7, { ...update, ttl: undefined }).toString('hex'),
    `${head}00fe${'00000000'}${'0004'}03616263`,
  );
});

t.test('what no DNS can hold is refused', async (t) => {
  for (const name of ['', 'a..b', 'a'.repeat(64), Array.from({ length: 64 }, () => 'abc').join('.')]) {
    t.throws(() => encodeUpdate(1, { ...update, name }), RangeError);
  }
  t.throws(() => encodeUpdate(1, { ...update, value: 'x'.repeat(256) }), RangeError);
});

t.test('where the last record of a message begins', async (t) => {
  const message = encodeUpdate(7, update);
  // behind the header and the zone section
  t.strictSame(lastRecord(message), { start: 12 + 13 + 4, type: 16 });
  t.equal(lastRecord(Buffer.concat([message, Buffer.from([0])])), undefined, 'bytes behind the last record');
  t.throws(() => lastRecord(message.subarray(0, 40)), RangeError);
});
