// What is read from one TLS socket: bytes without a copy, and how the peer ended. It hides the three things of Node that this
// needs: `onread`, the handle below TLS, and where write errors go. Knows no HTTP.

import type { OnReadOpts } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { getSystemErrorName } from 'node:util';

/** `alert`: by close_notify, so nothing is missing (RFC 8446 §6.1). `cut`: by FIN alone, or by RST. */
export type SocketEnd = 'alert' | 'cut';

export interface SocketListener {
  /**
   * @param bytes - good during the call only
   * @returns false: no more until `resume`, but for what the system has handed over already
   */
  onBytes(bytes: Buffer): boolean;
  onEnd(how: SocketEnd): void;
  /** nothing can be written any more; bytes that came before still come */
  onWriteError(error: Error): void;
}

/** One for all sockets: OpenSSL's text is copied into it, and taken out of it before the next read of any socket. */
const SHARED = Buffer.allocUnsafeSlow(64 * 1024);

const HANDLE = '_handle';
const PARENT = '_parent';
/** libuv's word for a stream that is read already; its number differs between systems */
const isReadAlready = (code: number): boolean => code < 0 && getSystemErrorName(code) === 'EALREADY';

/** what Node keeps below a TLS socket */
interface Handle {
  /** false while Node has stopped it */
  readonly reading?: boolean;
  /** TCP */
  readonly [PARENT]?: { readStart(): number };
}

/**
 * Node reports close_notify and the FIN of TCP in the same way. libuv stops to read a TCP socket at its FIN, and only then: a
 * socket that is still read, or that we have stopped ourselves, was ended by close_notify. Where this version of Node does not
 * let us see that, an end counts as cut: too careful rather than a cut response that looks whole.
 */
const howItEnded = (socket: TLSSocket): SocketEnd => {
  const tls = (socket as TLSSocket & { readonly [HANDLE]?: Handle | null })[HANDLE];
  const tcp = tls?.[PARENT];
  if (tcp === undefined) return 'cut';
  return tls?.reading === false || isReadAlready(tcp.readStart()) ? 'alert' : 'cut';
};

/** The peer reads no more. A tracker may respond, and close, before it has read the whole request: what it said still comes. */
const isRefusedWrite = ({ syscall, code }: NodeJS.ErrnoException): boolean =>
  syscall === 'write' && (code === 'EPIPE' || code === 'ECONNRESET');

export class SocketReads {
  #listener: SocketListener | undefined;
  #socket: TLSSocket | undefined;

  /** for `tls.connect` */
  readonly onread: OnReadOpts = {
    buffer: SHARED,
    callback: (count) => {
      if (this.#listener !== undefined) return this.#listener.onBytes(SHARED.subarray(0, count));
      // before anything was asked
      this.#socket?.destroy();
      return true;
    },
  };

  /** The socket that was made with `onread`. */
  attach(socket: TLSSocket): void {
    this.#socket = socket;
    const push = socket.push.bind(socket);
    const destroy = socket.destroy.bind(socket);
    let ended = false;
    socket.push = (chunk, encoding) => {
      // a FIN may follow close_notify
      if (chunk === null && !ended) {
        ended = true;
        this.#listener?.onEnd(howItEnded(socket));
      }
      return push(chunk, encoding);
    };
    socket.destroy = (error) => {
      if (error === undefined || !isRefusedWrite(error) || this.#listener === undefined)
        return destroy(error);
      this.#listener.onWriteError(error);
      return socket;
    };
  }

  /** From now on; before this, a socket that says anything is closed. */
  listen(listener: SocketListener): void {
    this.#listener = listener;
  }
}
