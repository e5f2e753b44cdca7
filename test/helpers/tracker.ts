// A stand-in for the region's tracker: a real TLS server that records what arrives, field by field, and answers as
// Customer.io's does (302 with a Location and two cookies) unless the test gives it another answer.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { Test } from 'tap';
import { sharedPki, type Pki } from './pki.ts';
import { tempDir } from './temp-dir.ts';
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';

export interface SeenRequest {
  readonly method: string;
  /** raw request target */
  readonly target: string;
  readonly httpVersion: string;
  readonly rawHeaders: readonly string[];
  /** values of one field, in order */
  field(name: string): string[];
  readonly body: Buffer;
  /** SNI of its connection */
  readonly servername: string | false;
  /** connections are numbered from 1 in the order they came */
  readonly connection: number;
}

export type TrackerAnswer = (request: IncomingMessage, response: ServerResponse, seen: SeenRequest) => void;

export interface Tracker {
  readonly port: number;
  /** `https://127.0.0.1:port` */
  readonly url: string;
  /** name in its certificate */
  readonly serverName: string;
  readonly caPem: string;
  /** absolute path of the same */
  readonly caFile: string;
  /** every request, once its content was read */
  readonly requests: readonly SeenRequest[];
  connections(): number;
  /** closes every connection that is open now */
  cut(): void;
}

export interface TrackerOptions {
  /** called before the content was read; return true to take the answer over */
  readonly early?: (request: IncomingMessage, response: ServerResponse) => boolean;
  readonly serverName?: string;
  readonly answer?: TrackerAnswer;
  readonly pki?: Pki;
  /** where it listens; any port of 127.0.0.1 unless told */
  readonly host?: string;
  readonly port?: number;
  /** of its certificate; valid now unless told */
  readonly validity?: { readonly notBeforeMs: number; readonly notAfterMs: number };
}

/** What Customer.io's tracker answers to a click. */
export const redirectAnswer: TrackerAnswer = (_request, response) => {
  response.writeHead(302, [
    'Location', 'https://www.example.com/landing?utm_source=mail&x=%2F',
    'Set-Cookie', '_cioid=abc; Path=/',
    'Set-Cookie', 'second=1; Path=/; Expires=Wed, 21 Oct 2037 07:28:00 GMT',
    'X-Robots-Tag', 'noindex, nofollow',
    'Cache-Control', 'no-cache, no-store',
    'Vary', 'Accept-Encoding',
    'Content-Length', '0',
  ]); // prettier-ignore
  response.end();
};

export const tracker = async (t: Test, options: TrackerOptions = {}): Promise<Tracker> => {
  const pki = options.pki ?? sharedPki('tracker');
  const serverName = options.serverName ?? 'e.customeriomail.com';
  const leaf = pki.leaf([serverName], options.validity);
  const requests: SeenRequest[] = [];
  const sockets = new Map<Socket, number>();
  let connections = 0;

  const http = createServer({ insecureHTTPParser: false, maxHeaderSize: 65_536 }, (request, response) => {
    if (options.early?.(request, response) === true) return;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => undefined);
    request.on('end', () => {
      const socket = request.socket as TLSSocket;
      const seen: SeenRequest = {
        method: request.method ?? '',
        target: request.url ?? '',
        httpVersion: request.httpVersion,
        rawHeaders: request.rawHeaders,
        field: (name) =>
          request.rawHeaders.filter(
            (_, i, all) => i % 2 === 1 && all[i - 1]?.toLowerCase() === name.toLowerCase(),
          ),
        body: Buffer.concat(chunks),
        servername: (socket as TLSSocket & { servername: string | false }).servername,
        connection: sockets.get(socket) ?? 0,
      };
      requests.push(seen);
      (options.answer ?? redirectAnswer)(request, response, seen);
    });
  });
  http.keepAliveTimeout = 60_000;

  const server = createTlsServer({ key: leaf.keyPem, cert: leaf.chainPem }, (socket) => {
    connections += 1;
    sockets.set(socket, connections);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    http.emit('connection', socket);
  });
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  const host = options.host ?? '127.0.0.1';
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, host, resolve));
  const cut = (): void => {
    for (const socket of sockets.keys()) socket.destroy();
  };
  t.teardown(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    cut();
    await closed;
  });
  const { port } = server.address() as AddressInfo;
  const caFile = join(tempDir(t), 'tracker-ca.pem');
  writeFileSync(caFile, pki.rootPem);
  return {
    port,
    url: `https://${host}:${port}`,
    serverName,
    caPem: pki.rootPem,
    caFile,
    requests,
    connections: () => connections,
    cut,
  };
};

export interface ScriptedTracker extends Pick<Tracker, 'url' | 'serverName' | 'caPem'> {
  /** how many came so far */
  connections(): number;
}

/**
 * An upstream that says whatever the script writes, byte for byte; the script gets each connection, its number, what resets it
 * (RST, which a TLS socket cannot send by itself), and the TCP socket below it.
 */
export const scriptedTracker = async (
  t: Test,
  script: (socket: TLSSocket, connection: number, reset: () => void, below: Socket | undefined) => void,
  {
    serverName = 'e.customeriomail.com',
    allowHalfOpen = false,
  }: { serverName?: string; allowHalfOpen?: boolean } = {},
): Promise<ScriptedTracker> => {
  const pki = sharedPki('tracker');
  const leaf = pki.leaf([serverName]);
  const sockets = new Set<TLSSocket>();
  const tcp = new Map<number | undefined, Socket>();
  let connections = 0;
  const server = createTlsServer({ key: leaf.keyPem, cert: leaf.chainPem, allowHalfOpen }, (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    const below = tcp.get(socket.remotePort);
    script(socket, connections, () => below?.resetAndDestroy(), below);
  });
  server.on('connection', (socket: Socket) => {
    const { remotePort } = socket;
    tcp.set(remotePort, socket);
    socket.on('close', () => tcp.delete(remotePort));
  });
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    for (const socket of tcp.values()) socket.destroy();
    await closed;
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`,
    serverName,
    caPem: pki.rootPem,
    connections: () => connections,
  };
};

/** Calls back with the text so far whenever a whole request head has come. */
export const onRequestHead = (socket: TLSSocket, answer: (text: string) => void): void => {
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    if (!text.includes('\r\n\r\n')) return;
    const whole = text;
    text = '';
    answer(whole);
  });
};
