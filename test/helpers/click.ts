// Clicks as clients send them, over verified TLS to a port of this machine.

import { once } from 'node:events';
import { connect as http2Connect, type IncomingHttpHeaders } from 'node:http2';
import { connect as tlsConnect } from 'node:tls';
import type { Test } from 'tap';
import { gather } from './serve.ts';

export interface ClickTarget {
  readonly port: number;
  readonly domain: string;
  /** PEM to trust */
  readonly ca: string;
  readonly path: string;
}

/** more than a busy machine needs for one click */
const CLICK_TIMEOUT_MS = 60_000;

/** One GET over HTTP/1.1 on a connection of its own; the whole response, latin1. */
export const clickHttp1 = async ({ port, domain, ca, path }: ClickTarget): Promise<string> => {
  const began = performance.now();
  const socket = tlsConnect({
    host: '127.0.0.1',
    port,
    servername: domain,
    ca,
    ALPNProtocols: ['http/1.1'],
  });
  let progress = 'before the handshake was done';
  const late = setTimeout(() => {
    const tookMs = Math.round(performance.now() - began);
    socket.destroy(new Error(`no whole response within ${tookMs} ms: ${progress}`));
  }, CLICK_TIMEOUT_MS);
  try {
    await once(socket, 'secureConnect');
    progress = 'after the request was sent';
    const response = gather(socket);
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${domain}\r\nConnection: close\r\n\r\n`);
    await once(socket, 'close');
    return await response;
  } finally {
    clearTimeout(late);
  }
};

/** One GET over HTTP/2 on a session of its own. */
export const clickHttp2 = async (
  t: Test,
  { port, domain, ca, path }: ClickTarget,
): Promise<IncomingHttpHeaders> => {
  const session = http2Connect(`https://${domain}:${port}`, {
    createConnection: () =>
      tlsConnect({ host: '127.0.0.1', port, servername: domain, ca, ALPNProtocols: ['h2'] }),
  });
  t.teardown(() => session.destroy());
  return new Promise((resolve, reject) => {
    session.once('error', reject);
    // destroyed by the test's end, it tells of no error
    session.once('close', () => reject(new Error('session closed before the answer')));
    const stream = session.request({ ':path': path, ':authority': domain });
    stream.once('error', reject);
    stream.once('response', (headers) => {
      stream.resume();
      resolve(headers);
    });
  });
};
