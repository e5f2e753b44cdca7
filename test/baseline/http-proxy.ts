// The baseline we are held against: http-proxy 1.18.1 turns a chunked DELETE or OPTIONS into one of
// `Content-Length: 0` and sends the body all the same, so a keep-alive upstream reads it as a second request
// (RFC 9112 §6.3, §11.2). This is why the forwarder is our own (docs/decisions.md).

import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';
import httpProxy from 'http-proxy';
import t, { type Test } from 'tap';
import { until } from '../helpers/until.ts';

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: victim.example\r\n\r\n';

const chunked = (method: string): string =>
  [
    `${method} /meant HTTP/1.1`,
    'Host: links.acme.com',
    'Transfer-Encoding: chunked',
    '',
    SMUGGLED.length.toString(16),
    SMUGGLED,
    '0',
    '',
    '',
  ].join('\r\n');

const listen = async (t: Test, server: net.Server): Promise<number> => {
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
};

/** A TCP upstream that keeps every byte and hands it on to Node's own HTTP server, as a real tracker would read it. */
const recordingUpstream = async (t: Test) => {
  const requests: string[] = [];
  const bytes: Buffer[] = [];
  const reader = http.createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    // the first answer waits for the second request: whether it comes is then no matter of timing
    if (request.url !== '/meant') response.end();
  });
  const readerPort = await listen(t, reader);
  const record = async function* (source: AsyncIterable<Buffer>) {
    for await (const chunk of source) {
      bytes.push(chunk);
      yield chunk;
    }
  };
  const recorder = net.createServer((socket) => {
    pipeline(socket, record, net.connect(readerPort, '127.0.0.1'), socket, () => undefined);
  });
  return { port: await listen(t, recorder), requests, raw: () => Buffer.concat(bytes).toString('latin1') };
};

/** http-proxy over a keep-alive agent with one connection, as every guide sets it up. */
const baselineProxy = async (t: Test, upstreamPort: number): Promise<number> => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const proxy = httpProxy.createProxyServer({ target: `http://127.0.0.1:${upstreamPort}`, agent });
  proxy.on('error', () => undefined);
  t.teardown(() => agent.destroy());
  return listen(
    t,
    http.createServer((request, response) => proxy.web(request, response)),
  );
};

const send = (t: Test, port: number, text: string): void => {
  const socket = net.connect(port, '127.0.0.1', () => socket.write(text));
  socket.on('error', () => socket.destroy());
  t.teardown(() => socket.destroy());
};

for (const method of ['DELETE', 'OPTIONS']) {
  t.test(`http-proxy: the body of a chunked ${method} becomes a request of its own`, async (t) => {
    const upstream = await recordingUpstream(t);
    send(t, await baselineProxy(t, upstream.port), chunked(method));
    await until('the upstream reads a second request', () => upstream.requests.length >= 2);
    t.strictSame(upstream.requests, [`${method} /meant`, 'GET /smuggled'], 'one was sent, two were read');
    t.match(upstream.raw(), /content-length: 0\r\n/i, 'the first claims to have no body');
    t.notMatch(upstream.raw(), /transfer-encoding/i, 'and its framing is gone');
    t.ok(upstream.raw().endsWith(SMUGGLED), 'the body followed all the same, outside any message');
  });
}

t.test('http-proxy: a chunked POST keeps its framing, so the fault is not in this set-up', async (t) => {
  const upstream = await recordingUpstream(t);
  send(t, await baselineProxy(t, upstream.port), chunked('POST'));
  await until(
    'the whole POST has come',
    () => upstream.requests.length > 0 && upstream.raw().endsWith('\r\n0\r\n\r\n'),
  );
  t.strictSame(upstream.requests, ['POST /meant']);
  t.match(upstream.raw(), /transfer-encoding: chunked\r\n/i);
});
