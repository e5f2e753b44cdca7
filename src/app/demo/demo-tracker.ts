// The tracker that `linkgate demo` forwards to in place of Customer.io's: loopback, TLS, and the responses to a click, an open and an
// unsubscribe. For the demo only; nothing else of the product imports it.

import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** A transparent GIF of one pixel, the response to an open. */
const PIXEL = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');
const LANDING = 'https://www.example.com/';

/** The `href` in the readable part of a click; the real tracker verifies the signature first. */
const hrefOf = (target: string): string => {
  const payload = target.split('/')[3] ?? '';
  try {
    const { href } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { href?: unknown };
    return typeof href === 'string' && URL.canParse(href) ? new URL(href).href : LANDING;
  } catch {
    return LANDING;
  }
};

const respond = (request: IncomingMessage, response: ServerResponse): void => {
  request.resume();
  const target = request.url ?? '/';
  if (target.startsWith('/e/o/')) {
    response.writeHead(200, {
      'Content-Type': 'image/gif',
      'Cache-Control': 'no-store',
      'Content-Length': PIXEL.length,
    });
    response.end(PIXEL);
  } else if (target.startsWith('/e/c/')) {
    response.writeHead(302, {
      Location: hrefOf(target),
      'X-Robots-Tag': 'noindex, nofollow',
      'Cache-Control': 'no-cache, no-store',
      'Content-Length': 0,
    });
    response.end();
  } else {
    const body = `stand-in tracker: ${request.method} for ${request.headers.host}\n`;
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': Buffer.byteLength(body) });
    response.end(body);
  }
};

export interface DemoTracker {
  /** `https://127.0.0.1:port`, or `[::1]` */
  readonly origin: string;
  stop(): Promise<void>;
}

/** @param certificate - PEM key and chain for the name the proxy verifies */
export const startDemoTracker = async (certificate: {
  keyPem: string;
  chainPem: string;
}): Promise<DemoTracker> => {
  const server: Server = createServer({ key: certificate.keyPem, cert: certificate.chainPem }, respond);
  const listen = (host: string): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, host, resolve);
    });
  // a machine may have only one address family
  const host = await listen('127.0.0.1').then(
    () => '127.0.0.1',
    () => listen('::1').then(() => '[::1]'),
  );
  return {
    origin: `https://${host}:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
