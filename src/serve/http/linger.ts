// The end of an HTTP/1 connection after its last response: what the client still sends is neither parsed nor kept.
// Knows sockets and Node's parser on them, no request.

import type { Socket } from 'node:net';

/** How long a closed connection is still read, so that no reset destroys the last response. */
const LINGER_MS = 1_000;
/** And how much: twice the largest content, so that a client that sends one first gets its refusal. */
const MOST_LINGER_BYTES = 2 * 1024 ** 2;

/** What Node attaches to the socket of an HTTP/1 connection; `onIncoming` is called at the end of each head. */
type ParsedSocket = Socket & { parser?: { onIncoming: (() => number) | null } | null };

/** Node's parser stops behind this head, as for an upgrade, and drops the rest of the bytes that it was given. */
const STOP = 2;
const stopParsing = (): number => STOP;
const ignore = (): void => undefined;

/**
 * Takes the bytes of a connection away from Node's parser for ever. Heads in the bytes that the parser has already cost no request object.
 * The socket is not read until `closeLingering`.
 */
export const stopReading = (socket: Socket): void => {
  const { parser } = socket as ParsedSocket;
  if (parser !== undefined && parser !== null) parser.onIncoming = stopParsing;
  socket.removeAllListeners('data');
  // A listener of ours makes Node's parser let go of the handle.
  socket.on('data', ignore);
  // see http1.ts, where a connection is held
  delete (socket as Partial<Socket>).resume;
  socket.pause();
};

/**
 * Closes after what was written, and reads on for a moment into nothing. Closing with unread bytes in the kernel sends a reset, and a reset
 * can destroy the response before the client has read it (RFC 9112 §9.6).
 */
export const closeLingering = (socket: Socket): void => {
  stopReading(socket);
  let bytes = 0;
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MOST_LINGER_BYTES) socket.destroy();
  });
  socket.end();
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
};
