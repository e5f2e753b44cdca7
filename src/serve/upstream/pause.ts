// The pause of one upstream connection whose handler takes no more for now: undici is shown nothing more of it, neither data
// nor the end. Knows no request.

import type { TLSSocket } from 'node:tls';
import { errors } from 'undici';

/** How a handler pauses the connection that its response comes on. */
export interface ReadPause {
  /** nothing more from now on; what undici has read already still comes */
  begin(): void;
  /** the handler is done: the connection is free for the next one, undici reads on by itself */
  end(): void;
  /** the handler goes on: undici gets what came during the pause, then the end, if the end came too */
  resume(): void;
}

/**
 * undici 7's own pause does not survive the end of the connection: a FIN or RST that comes while its parser is paused is an
 * assertion that ends the process (undici issue #5360). Here its parser is never paused; its socket reads as empty instead.
 * - Node emits `end` only after the last byte was read, and so holds it back by itself.
 * - A read error would drop the bytes that came before it. It is held back until they were read, or until the socket is
 *   destroyed for another reason.
 * - undici takes ECONNRESET as the end of a response that has no length. Such a response is incomplete (RFC 9112 §8), so the
 *   error gets the code that undici gives to every other lost connection.
 * - libuv reports a reset as the end when it has read all bytes before it. A connection that was reset has no peer any more,
 *   one that was closed still has: this tells them apart.
 */
export const pauseReads = (socket: TLSSocket): ReadPause => {
  const read = socket.read.bind(socket);
  const push = socket.push.bind(socket);
  const destroy = socket.destroy.bind(socket);
  let paused = false;
  let lost: Error | undefined;

  const flush = (): void => {
    if (!paused) socket.emit('readable');
    if (lost !== undefined && socket.readableLength === 0) destroy(lost);
  };
  const lose = (cause: Error): void => {
    if (lost !== undefined) return;
    lost = Object.assign(new errors.SocketError(cause.message), { cause });
    flush();
  };
  // Node itself reads 0 bytes to ask the system for more; that takes nothing
  socket.read = (size) => (paused && size !== 0 ? null : (read(size) as unknown));
  socket.push = (chunk, encoding) => {
    if (chunk !== null || socket.remoteAddress !== undefined) return push(chunk, encoding);
    lose(new Error('read ECONNRESET'));
    return false;
  };
  socket.destroy = (error) => {
    if (!isReadError(error)) return destroy(error);
    lose(error);
    return socket;
  };
  return {
    begin: () => {
      paused = true;
    },
    end: () => {
      paused = false;
    },
    resume: () => {
      paused = false;
      flush();
    },
  };
};

const isReadError = (error: NodeJS.ErrnoException | undefined): error is NodeJS.ErrnoException =>
  error?.syscall === 'read';
