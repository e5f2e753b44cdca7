// The bytes of a head: whole, in pieces, too many, and what can be none.

import t from 'tap';
import { HeadBytes } from '../../../../src/serve/upstream/message/head-bytes.ts';

t.test('in one piece, in two at every byte, and byte by byte', (t) => {
  const text = 'HTTP/1.1 200 OK\r\nX: y\r\n';
  const bytes = Buffer.from(`${text}\r\ncontent`);
  for (let at = 0; at <= text.length + 2; at += 1) {
    const head = new HeadBytes();
    const first = head.read(bytes.subarray(0, at), 0);
    if (at === text.length + 2) {
      t.equal(first, at);
    } else {
      t.equal(first, -1);
      t.equal(head.read(bytes.subarray(at), 0), text.length + 2 - at);
    }
    t.equal(head.take(), text);
  }
  const slowly = new HeadBytes();
  for (let at = 0; at < text.length + 1; at += 1) t.equal(slowly.read(bytes.subarray(at, at + 1), 0), -1);
  t.equal(slowly.read(bytes.subarray(text.length + 1, text.length + 2), 0), 1);
  t.equal(slowly.take(), text);
  t.equal(slowly.read(bytes.subarray(0, 10), 0), -1, 'it begins with the next one');
  t.equal(slowly.read(bytes.subarray(10), 0), text.length + 2 - 10);
  t.end();
});

t.test('a start elsewhere, as behind an interim response', (t) => {
  const head = new HeadBytes();
  const bytes = Buffer.from('HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 O\r\n\r\n');
  t.equal(head.read(bytes, 0), 18);
  t.equal(head.take(), 'HTTP/1.1 100 C\r\n');
  t.equal(head.read(bytes.subarray(0, 25), 18), -1);
  t.equal(head.read(bytes.subarray(25), 0), 11);
  t.equal(head.take(), 'HTTP/1.1 200 O\r\n');
  t.end();
});

t.test('what can be no head is refused at once', (t) => {
  for (const text of [
    'H2',
    '\r\n',
    'HTTP/2',
    'HTTP/1.1 200 OK\n',
    'HTTP/1.1 200 OK\r\nX: y\n\n',
    '\x15\x03',
  ]) {
    t.throws(() => new HeadBytes().read(Buffer.from(text), 0), { code: 'ERR_UPSTREAM_INVALID' }, text);
    const slowly = new HeadBytes();
    t.throws(() => {
      for (const byte of Buffer.from(text)) slowly.read(Buffer.from([byte]), 0);
    });
  }
  t.end();
});

t.test('64 KiB and no more', (t) => {
  const start = 'HTTP/1.1 200 OK\r\n';
  const of = (length: number): Buffer =>
    Buffer.from(`${start}X: ${'y'.repeat(length - start.length - 3)}\r\n\r\n`);
  const inPieces = (bytes: Buffer): void => {
    const head = new HeadBytes();
    for (let at = 0; at < bytes.length; at += 10_000) head.read(bytes.subarray(at, at + 10_000), 0);
  };
  t.ok(new HeadBytes().read(of(65_536), 0) > 65_536);
  inPieces(of(65_536));
  t.throws(() => new HeadBytes().read(of(65_537), 0), { code: 'ERR_UPSTREAM_INVALID' });
  t.throws(() => inPieces(of(65_550)), { code: 'ERR_UPSTREAM_INVALID' });
  t.end();
});
