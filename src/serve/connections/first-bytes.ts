// Connections that have not said enough to begin with, before tls.ts and serve/http/http1.ts: here one costs a socket and nothing
// else, so that thousands that stay silent cost the clicks of others next to nothing. Believes no byte, answers none.

import type { Socket } from 'node:net';
import type { Deadlines } from './deadlines.ts';

/**
 * Whether enough has come for the next step.
 * @param first - all bytes so far, never empty
 */
export type IsEnough = (first: Buffer) => boolean;

/** The next step can begin with anything. */
export const isAnything: IsEnough = () => true;

/** A ClientHello with post-quantum keys has 1.8 KB; what is longer waits where it would wait anyway. */
const LONGEST_HELLO = 4 * 1024;

/**
 * The first TLS record whole (RFC 8446 §5.1): half a ClientHello is not worth the 0.1 ms and the buffers of a TLS
 * connection. What is no handshake record, or a long one, is OpenSSL's to judge.
 */
export const isWholeHello: IsEnough = (first) =>
  first[0] !== 0x16 ||
  first.length >= LONGEST_HELLO ||
  (first.length >= 5 && first.length >= 5 + first.readUInt16BE(3));

export interface FirstBytesOptions {
  readonly isEnough: IsEnough;
  /** runs from here on for each socket; whoever takes the socket over stops it */
  readonly deadlines: Pick<Deadlines, 'start' | 'stop'>;
  /** takes a socket over; the bytes that came are on it, unread */
  readonly onReady: (socket: Socket) => void;
  /** called when a client that had said something left before it was enough */
  readonly onGone?: () => void;
}

/** @returns what lets a fresh connection in */
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
      // the end: Node closes it
      if (chunk === null) return;
      first = first === undefined ? chunk : Buffer.concat([first, chunk]);
      if (!isEnough(first)) return;
      socket.off('readable', onReadable);
      socket.off('close', onClose);
      socket.off('error', ignore);
      socket.unshift(first);
      onReady(socket);
    };
    deadlines.start(socket);
    // until somebody takes over, nobody else would hear it; it closes by itself
    socket.on('error', ignore);
    socket.on('close', onClose);
    socket.on('readable', onReadable);
  };
};
