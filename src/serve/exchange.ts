// One request and its answer, the same for HTTP/1 and HTTP/2: what route, headers, forward and respond work on.
// http1.ts and http2.ts make them; nothing past those two knows the protocol version's own types.

import type { Readable } from 'node:stream';
import type { Listener } from '../core/events.ts';

/** Field lines as a flat list: name, value, name, value … in the order they arrived, latin1, nothing joined. */
export type FieldLines = readonly string[];

export interface Exchange {
  readonly listener: Listener;
  readonly httpVersion: '1.0' | '1.1' | '2';
  readonly method: string;
  /** request target, every byte as the client sent it (RFC 9112 §3.2; `:path` in HTTP/2) */
  readonly target: string;
  /** SNI of the connection; false when a TLS 1.2 session was resumed; undefined on port 80 */
  readonly servername: string | false | undefined;
  /** without pseudo-fields; the Host field is among them (HTTP/2: made from `:authority`) */
  readonly fields: FieldLines;
  /** the peer's IP address, IPv4 as dotted quad */
  readonly peerAddress: string;
  /** performance.now() at the end of the request's head */
  readonly startedMs: number;

  /**
   * The request's content, or undefined when it has none.
   * @param framed - whether the fields announce a content; they decide in HTTP/1, END_STREAM does in HTTP/2
   */
  body(framed: boolean): Readable | undefined;
  /** sends an interim answer (RFC 9110 §15.2); quiet where the client's version has none */
  inform(status: number, fields: FieldLines): void;
  /** sends the head of the answer, once; throws when a field cannot be sent in the client's version */
  head(status: number, reason: string, fields: FieldLines): void;
  /** @returns false when the client reads slower than we write: wait for `onDrain` */
  write(chunk: Buffer): boolean;
  end(): void;
  /** breaks the answer off so that the client sees it: reset on HTTP/1, RST_STREAM on HTTP/2 */
  abort(): void;
  /** after this answer the connection closes; call before `head` */
  closeAfter(): void;

  /** called whenever more can be written after `write` said false */
  onDrain: (() => void) | undefined;
  /** called once when the exchange is over; `finished` when the whole answer was handed to the system */
  onClose: ((finished: boolean) => void) | undefined;
}

/** Takes one exchange and sees it to its end. Never throws. */
export type HandleExchange = (exchange: Exchange) => void;

/** `::ffff:192.0.2.1` (an IPv4 peer of a dual-stack socket) → `192.0.2.1`. */
export const peerAddressOf = (address: string | undefined): string =>
  address === undefined ? 'unknown' : address.startsWith('::ffff:') ? address.slice(7) : address;
