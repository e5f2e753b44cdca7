// Sessions of TLS from the client's side: one is taken, then offered again and again.

import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';

export interface ResumeTarget {
  readonly port: number;
  readonly servername: string;
  /** PEM to trust */
  readonly ca: string;
  readonly version: 'TLSv1.2' | 'TLSv1.3';
}

const LIMIT_MS = 60_000;

const open = ({ port, servername, ca, version }: ResumeTarget, session?: Buffer): TLSSocket => {
  const socket = connect({
    host: '127.0.0.1',
    port,
    servername,
    ca,
    minVersion: version,
    maxVersion: version,
    ...(session === undefined ? {} : { session }),
  });
  socket.setTimeout(LIMIT_MS, () => socket.destroy(new Error('no handshake in time')));
  return socket;
};

/** A session that can be offered: in TLS 1.3 the ticket comes after the handshake. */
export const takeSession = async (target: ResumeTarget): Promise<Buffer> => {
  const socket = open(target);
  const [session] = (await once(socket, 'session')) as [Buffer];
  socket.destroy();
  return session;
};

/** Offers the session on many connections, so that every worker gets some. @returns how many of them resumed it */
export const countResumed = async (target: ResumeTarget, session: Buffer, offers = 100): Promise<number> => {
  let left = offers;
  let resumed = 0;
  const client = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const socket = open(target, session);
      await once(socket, 'secureConnect');
      if (socket.isSessionReused()) resumed += 1;
      socket.destroy();
    }
  };
  await Promise.all(Array.from({ length: 10 }, client));
  return resumed;
};
