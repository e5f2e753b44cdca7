// One request and its response, the same for HTTP/1 and HTTP/2: route, headers, forward and respond work on it. http1-exchange.ts and
// http2-exchange.ts make it; only these two know the types of a protocol version.

import type { Readable } from 'node:stream';
import type { LinkgateError } from '../../core/errors.ts';
import type { Listener } from '../../core/events.ts';
import type { ConnectionFacts } from '../connections/connection-facts.ts';

/** Field lines as a flat list: name, value, name, value … in their order of arrival, latin1, nothing joined. */
export type FieldLines = readonly string[];

export interface Exchange {
  readonly listener: Listener;
  readonly httpVersion: '1.0' | '1.1' | '2';
  readonly method: string;
  /** request target, byte for byte (RFC 9112 §3.2; `:path` in HTTP/2) */
  readonly target: string;
  /** without pseudo-fields; the Host field is among them (HTTP/2: made from `:authority`) */
  readonly fields: FieldLines;
  readonly connection: ConnectionFacts;
  /** performance.now() at the end of the request's head */
  readonly startedMs: number;
  /** HTTP/2: DATA came for a method that has no content */
  readonly strayContent: boolean;
  /** the client is gone */
  readonly closed: boolean;

  /**
   * The request's content, or undefined when it has none.
   * The caller reads it or closes the connection; only the exchange itself destroys it.
   * @param framed - whether the fields announce a content; they decide in HTTP/1, END_STREAM does in HTTP/2
   */
  body(framed: boolean): Readable | undefined;
  /** sends an interim response (RFC 9110 §15.2); does nothing when the client's version has none, or when it cannot be sent */
  inform(status: number, fields: FieldLines): void;
  /**
   * Sends the head of the response, once.
   * @throws when a field cannot be sent in the client's version; nothing was sent then
   */
  head(status: number, reason: string, fields: FieldLines): void;
  /** @returns false when the client reads slower than we write: wait for `onDrain` */
  write(chunk: Buffer): boolean;
  end(trailers?: FieldLines): void;
  /** cuts the response off so that the client sees it: closed connection on HTTP/1, RST_STREAM on HTTP/2 */
  abort(): void;
  /** the connection closes after this response, and later requests on it are not read; call it before `head` */
  closeAfter(): void;

  /**
   * Adds a listener that is called once when the exchange is over, in the order in which listeners were added; `finished` when the
   * whole response was handed to the system.
   */
  onClose(listener: (finished: boolean) => void): void;

  /** fields that the head of every response of the domain carries as well: the domain's own policy */
  policy: FieldLines;

  /** called whenever more can be written after `write` said false */
  onDrain: (() => void) | undefined;
  /** called when the rest of the request turns out to be malformed or too slow, and the client is still there */
  onFault: ((error: LinkgateError) => void) | undefined;
}

/** Handles one exchange to its end. Never throws. */
export type HandleExchange = (exchange: Exchange) => void;
