// Connections that have not sent enough yet, before tls.ts and serve/http/http1.ts. Here a connection costs a socket and nothing else, so
// thousands of silent ones do not slow down the clicks of others. Interprets nothing, and sends nothing.

import type { Socket } from 'node:net';
import type { Deadlines } from './deadlines.ts';

/**
 * Whether enough has come for the next step.
 * @param first - all bytes so far, never empty
 */
export type IsEnough = (first: Buffer) => boolean;

/** The next step can begin with anything. */
export const isAnything: IsEnough = () => true;

/** A ClientHello with post-quantum keys has 1.8 KB; a longer one waits in OpenSSL. */
const MAX_AWAITED_BYTES = 4 * 1024;

/**
 * The whole first TLS record (RFC 8446 §5.1): half a ClientHello is not worth the 0.1 ms and the buffers of a TLS connection. OpenSSL
 * judges other records and long ones.
 */
export const isWholeHello: IsEnough = (first) =>
  first[0] !== 0x16 ||
  first.length >= MAX_AWAITED_BYTES ||
  (first.length >= 5 && first.length >= 5 + first.readUInt16BE(3));

export interface FirstBytesOptions {
  readonly isEnough: IsEnough;
  /** begins here for each socket; the next step stops it */
  readonly deadlines: Pick<Deadlines, 'start' | 'stop'>;
  /** takes the socket over; the bytes are on it again, unread */
  readonly onReady: (socket: Socket, first: Buffer) => void;
  /** called when a client leaves after its first byte and before it has sent enough */
  readonly onGone?: () => void;
}

/** @returns a function that takes a new connection */
export const createFirstBytes = ({
  isEnough,
  deadlines,
  onReady,
  onGone,
}: FirstBytesOptions): ((socket: Socket) => void) => {
  const ignore = (): void => undefined;
  return (socket) => {
    let first: Buffer | undefined;
    const onClose = (): void => {
      if (deadlines.stop(socket) && first !== undefined) onGone?.();
    };
    const onReadable = (): void => {
      const chunk = socket.read() as Buffer | null;
      // The end: Node closes the socket.
      if (chunk === null) return;
      first = first === undefined ? chunk : Buffer.concat([first, chunk]);
      if (!isEnough(first)) return;
      socket.off('readable', onReadable);
      socket.off('close', onClose);
      socket.off('error', ignore);
      socket.unshift(first);
      onReady(socket, first);
    };
    deadlines.start(socket);
    // Nobody else listens until the next step; the socket closes by itself.
    socket.on('error', ignore);
    socket.on('close', onClose);
    socket.on('readable', onReadable);
  };
};
