// The least that does the work on Node: an HTTPS server and undici's pool, forty lines without a limit, a metric or a rule
// for headers. What linkgate costs beyond it is the price of its features.

import { readFileSync } from 'node:fs';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Pool } from 'undici';

const [port, upstreamPort, certificateFile = '', rootFile = '', upstreamName = ''] = process.argv.slice(2);
const pem = readFileSync(certificateFile, 'utf8');
const pool = new Pool(`https://127.0.0.1:${upstreamPort}`, {
  connections: 128,
  connect: { ca: readFileSync(rootFile), servername: upstreamName },
});
const HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'te', 'trailer']);

const forward = async (
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
): Promise<void> => {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined && !name.startsWith(':') && !HOP.has(name)) headers[name] = value;
  }
  headers['host'] ??= (request.headers[':authority'] as string | undefined) ?? '';
  headers['x-forwarded-for'] = request.socket.remoteAddress ?? '';
  const method = (request.method ?? 'GET') as 'GET';
  await pool.stream(
    { path: request.url ?? '/', method, headers, servername: upstreamName } as never,
    (answer) => {
      const kept = Object.entries(answer.headers).filter(([name]) => !HOP.has(name));
      (response as ServerResponse).writeHead(answer.statusCode, Object.fromEntries(kept));
      return response as ServerResponse;
    },
  );
};

// without it, HTTP/1.1 over this server waits 40 ms for the ACK of its header
const noDelay = (socket: Socket): unknown => socket.setNoDelay(true);

createSecureServer({ key: pem, cert: pem, allowHTTP1: true }, (request, response) => {
  forward(request, response).catch(() => request.destroy());
})
  .on('secureConnection', noDelay)
  .listen(Number(port), '127.0.0.1', 4096);
