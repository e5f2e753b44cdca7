// Clicks over HTTP/2: one after the other on a connection that is kept.

import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { faultOf, HEADERS, targetOf } from './click.ts';
import { errorCode, LIMIT_MS, timeoutError } from './connection.ts';
import type { Clicker, ClickerOptions } from './http1-clicks.ts';

const FIELDS = Object.fromEntries(HEADERS);

const clickOn = (session: ClientHttp2Session, name: string, target: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    const stream = session.request({ ':path': target, ':authority': name, ...FIELDS }, { endStream: true });
    let fault: string | undefined = 'closed';
    stream.once('response', (headers) => {
      fault = faultOf({ status: Number(headers[':status']), location: headers['location'] }, name, target);
    });
    stream.once('error', (error) => resolve(errorCode(error)));
    stream.once('end', () => resolve(fault));
    stream.once('close', () => resolve(fault));
    stream.setTimeout(LIMIT_MS, () => stream.destroy(timeoutError('answer')));
    stream.resume();
  });

export const createHttp2Clicker = ({ connect, port, thread, nextName }: ClickerOptions): Clicker => {
  let session: ClientHttp2Session | undefined;
  let name = '';
  let clicks = 0;
  return async () => {
    if (session === undefined || session.destroyed || session.closed) {
      name = nextName();
      const authority = `https://${name}:${port}`;
      session = connectHttp2(authority, {
        createConnection: () => connect({ port, name, protocol: 'h2' }).on('error', () => undefined),
      });
      // the session reads past the socket, which would take every connection for silent after its time
      session.once('connect', (_session, socket) => socket.setTimeout(0));
      session.on('error', () => undefined);
    }
    clicks += 1;
    try {
      return await clickOn(session, name, targetOf(thread, clicks));
    } catch (error) {
      session.destroy();
      return errorCode(error);
    }
  };
};
