// The name in the first bytes: read from what real clients and our own hands write, never from bytes that lie, and always the one that
// OpenSSL finds.

import { once } from 'node:events';
import { connect as connectTcp, createServer as createTcpServer, type AddressInfo } from 'node:net';
import { connect, createServer, type ConnectionOptions } from 'node:tls';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { serverNameOf } from '../../../src/serve/connections/client-hello.ts';
import { clientHello } from '../../helpers/client-hello.ts';
import { holds } from '../../helpers/property.ts';

const NAME = 'links.example.com';
const SUITES = [0x1301, 0xc02b, 0xc02f];
const hello = clientHello({ servername: NAME, version: 'TLSv1.3', suites: SUITES });

/** The same message over records of so many bytes. */
const fragmented = (record: Buffer, size: number): Buffer => {
  const message = record.subarray(5);
  const parts: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const piece = message.subarray(at, at + size);
    parts.push(Buffer.of(22, 3, 1, piece.length >> 8, piece.length & 0xff), piece);
  }
  return Buffer.concat(parts);
};

/** What a client of Node and OpenSSL sends first. */
const firstBytesOf = async (t: Test, options: ConnectionOptions): Promise<Buffer> => {
  const server = createTcpServer().listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const client = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, ...options });
  client.on('error', () => undefined);
  const [socket] = await once(server, 'connection');
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  client.destroy();
  return bytes;
};

t.test('real clients of both versions, and our own', async (t) => {
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const ALPNProtocols = ['h2', 'http/1.1'];
    t.equal(serverNameOf(await firstBytesOf(t, { servername: NAME, maxVersion, ALPNProtocols })), NAME);
    t.equal(serverNameOf(await firstBytesOf(t, { servername: '', maxVersion })), undefined, 'no name');
  }
  t.equal(serverNameOf(hello), NAME);
  t.equal(serverNameOf(Buffer.concat([hello, Buffer.from('17')])), NAME, 'what follows is not read');
});

t.test('as written: any case, a trailing dot, an A-label', (t) => {
  for (const servername of [
    'LINKS.Example.com',
    'links.example.com.',
    'xn--bcher-kva.example',
    'a_b.example',
  ])
    t.equal(serverNameOf(clientHello({ servername, version: 'TLSv1.2', suites: SUITES })), servername);
  t.end();
});

t.test('no name: raw bytes, a NUL, an empty one, too long a one', (t) => {
  for (const servername of ['bücher.example', 'links\0.example.com', '', 'a b', 'a'.repeat(255)])
    t.equal(serverNameOf(clientHello({ servername, version: 'TLSv1.3', suites: SUITES })), undefined);
  t.end();
});

t.test('GREASE and an outer ECH are passed over; a second server name is not', (t) => {
  const say = (more: readonly (readonly [number, Buffer])[]) =>
    serverNameOf(clientHello({ servername: NAME, version: 'TLSv1.3', suites: [0x0a0a, ...SUITES], more }));
  t.equal(say([[0x0a0a, Buffer.alloc(0)]]), NAME);
  t.equal(say([[0xfe0d, Buffer.alloc(200, 7)]]), NAME);
  t.equal(say([[0x0015, Buffer.alloc(12_000)]]), NAME, 'a long one');
  t.equal(say([[0x0015, Buffer.alloc(16_384)]]), undefined, 'too long a one');
  t.equal(say([[0x0000, Buffer.of(0, 4, 0, 0, 1, 97)]]), undefined);
  t.equal(say([[0x0000, Buffer.alloc(0)]]), undefined);
  t.end();
});

t.test('over several records', (t) => {
  for (const size of [hello.length, 100, 40, 9])
    t.equal(serverNameOf(fragmented(hello, size)), NAME, `${size}`);
  t.equal(serverNameOf(fragmented(hello, 1)), undefined, 'over too many');
  const empty = Buffer.of(22, 3, 1, 0, 0);
  t.equal(serverNameOf(Buffer.concat([empty, hello])), undefined, 'an empty record');
  t.end();
});

t.test('cut at every byte, it has no name', (t) => {
  for (const bytes of [hello, fragmented(hello, 40)])
    for (let length = 0; length < bytes.length; length += 1)
      if (serverNameOf(bytes.subarray(0, length)) !== undefined) t.fail(`${length} bytes`);
  t.end();
});

/** The name that OpenSSL gives to an SNICallback for these bytes; undefined where it ends the handshake or finds none. */
const opensslNames = async (t: Test): Promise<(bytes: Buffer) => Promise<string | undefined>> => {
  let found: string | undefined;
  const server = createServer({
    SNICallback: (servername, done) => {
      found = servername;
      done(null);
    },
  });
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  server.listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return async (bytes) => {
    found = undefined;
    const client = connectTcp(port, '127.0.0.1');
    client.on('error', () => undefined);
    client.resume();
    // the end tells a server that waits for more bytes that there are none
    client.end(bytes);
    await new Promise((resolve) => client.once('close', resolve));
    return found;
  };
};

t.test('it is the name that OpenSSL finds, whatever the bytes', async (t) => {
  const ask = await opensslNames(t);
  t.equal(await ask(hello), NAME);
  const servername = fc.domain();
  const version = fc.constantFrom('TLSv1.2' as const, 'TLSv1.3' as const);
  const changes = fc.array(fc.record({ at: fc.nat(), byte: fc.nat(255) }), { maxLength: 3 });
  const size = fc.option(fc.integer({ min: 40, max: 400 }), { nil: undefined });
  const property = fc.asyncProperty(servername, version, changes, size, async (name, spoken, lies, piece) => {
    const bytes = clientHello({ servername: name, version: spoken, suites: SUITES });
    for (const { at, byte } of lies) bytes[at % bytes.length] = byte;
    const sent = piece === undefined ? bytes : fragmented(bytes, piece);
    const [ours, theirs] = [serverNameOf(sent), await ask(sent)];
    if (lies.length === 0) return ours === name && theirs === name;
    // we may leave an unusual name to OpenSSL, and OpenSSL may end the handshake for another reason
    return ours === undefined || theirs === undefined || ours === theirs;
  });
  await holds(t, property, 300);
});

t.test('a change anywhere near the name gives the same name as OpenSSL, or none', async (t) => {
  const ask = await opensslNames(t);
  const start = hello.indexOf(NAME) - 9;
  for (let at = start; at < start + 12; at += 1)
    for (const step of [1, 255, 128]) {
      const bytes = Buffer.from(hello);
      bytes[at] = ((bytes[at] ?? 0) + step) & 0xff;
      const ours = serverNameOf(bytes);
      const theirs = await ask(bytes);
      if (ours !== undefined && theirs !== undefined) t.equal(ours, theirs, `byte ${at} by ${step}`);
    }
});
