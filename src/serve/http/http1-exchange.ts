// HTTP/1.0 and 1.1: one request of Node's server as an Exchange, and the end of its connection. It decides nothing about
// names, routes or upstreams.

import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { LinkgateError } from '../../core/errors.ts';
import type { Listener } from '../../core/events.ts';
import type { ConnectionFacts } from '../connections/connection-facts.ts';
import type { Exchange, FieldLines } from './exchange.ts';
import { classOfToken } from './field-classes.ts';
import { closeLingering } from './linger.ts';

/** Bytes that are held back for the rest of a turn; the page of a redirect has a few hundred. */
const MOST_HELD_BYTES = 4 * 1024;

/** Bytes that Node refuses to write in a field value or a reason phrase; a phrase has no meaning (RFC 9112 §4). */
const UNWRITABLE = /[^\t\u0020-\u007e\u0080-\u00ff]/;

/** What an Http1Exchange tells its connection. */
export interface Http1Connection {
  readonly facts: ConnectionFacts;
  /** no later bytes on this connection are a request */
  closing: boolean;
  /** the process drains: each response closes its connection, also that of an earlier request */
  readonly isDraining: () => boolean;
  /** called when an exchange is over, after its own close listeners */
  onOver(request: IncomingMessage): void;
}

/** 'close' follows each error. */
const ignore = (): void => undefined;

export class Http1Exchange implements Exchange {
  readonly listener: Listener;
  readonly httpVersion: '1.0' | '1.1';
  readonly method: string;
  readonly target: string;
  readonly fields: FieldLines;
  readonly connection: ConnectionFacts;
  readonly startedMs = performance.now();
  readonly strayContent = false;
  policy: FieldLines = [];
  onDrain: (() => void) | undefined;
  onFault: ((error: LinkgateError) => void) | undefined;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #connection: Http1Connection;
  #hearsDrain = false;
  readonly #closeListeners: ((finished: boolean) => void)[] = [];
  /** the head was made in this turn of the event loop and is not written yet */
  #mayHold = false;
  /** the first content, while more may come in the same turn */
  #held: Buffer | undefined;

  constructor(connection: Http1Connection, request: IncomingMessage, response: ServerResponse) {
    this.listener = connection.facts.listener;
    this.connection = connection.facts;
    this.httpVersion = request.httpVersion === '1.0' ? '1.0' : '1.1';
    this.method = request.method ?? '';
    this.target = request.url ?? '';
    this.fields = request.rawHeaders;
    this.#request = request;
    this.#response = response;
    this.#connection = connection;
    response.on('close', () => {
      for (const listener of this.#closeListeners) listener(response.writableFinished);
      connection.onOver(request);
    });
    response.on('error', ignore);
    request.on('error', ignore);
  }

  onClose(listener: (finished: boolean) => void): void {
    this.#closeListeners.push(listener);
  }

  get closed(): boolean {
    return this.#response.closed || this.#request.socket.destroyed;
  }

  /** whether the client still sends the content of this request */
  get receiving(): boolean {
    return !this.#request.complete;
  }

  body(framed: boolean): Readable | undefined {
    if (!framed) return undefined;
    if (this.httpVersion === '1.1' && this.#request.headers.expect !== undefined)
      this.#response.writeContinue();
    return this.#request;
  }

  inform(status: number, fields: FieldLines): void {
    if (status !== 103 || this.httpVersion === '1.0' || this.#response.headersSent) return;
    const hints = hintsOf(fields);
    if (hints['link'] === undefined) return;
    try {
      // Node can write one only with Links, and well-formed ones.
      this.#response.writeEarlyHints(hints);
    } catch {
      // An interim response may be left out (RFC 9110 §15.2).
    }
  }

  head(status: number, reason: string, fields: FieldLines): void {
    const response = this.#response;
    if (this.#connection.isDraining()) this.closeAfter();
    // A flat list keeps order and repetition. Node adds Date (RFC 9110 §6.6.1), Connection and the framing.
    const all = this.policy.length === 0 ? fields : fields.concat(this.policy);
    const isWritable = reason === STATUS_CODES[status] || !UNWRITABLE.test(reason);
    const phrase = isWritable ? reason : '';
    try {
      response.writeHead(status, phrase, all as string[]);
    } catch {
      response.writeHead(status, phrase, writableFields(all));
    }
    // The whole body mostly comes in the same read: the head is written alone only when nothing follows.
    this.#mayHold = true;
    process.nextTick(flushAlone, this);
  }

  /** Sends what was held back: nothing followed in the same turn. */
  flush(): void {
    const response = this.#response;
    this.#mayHold = false;
    if (!response.headersSent || response.writableEnded || response.destroyed) return;
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined) response.flushHeaders();
    else this.#write(held);
  }

  write(chunk: Buffer): boolean {
    if (this.#mayHold && this.#held === undefined && chunk.length <= MOST_HELD_BYTES) {
      this.#held = chunk;
      return true;
    }
    if (this.#mayHold) this.flush();
    return this.#write(chunk);
  }

  #write(chunk: Buffer): boolean {
    const goesOn = this.#response.write(chunk);
    // Most responses never wait.
    if (!goesOn && !this.#hearsDrain) {
      this.#hearsDrain = true;
      this.#response.on('drain', () => this.onDrain?.());
    }
    return goesOn;
  }

  end(trailers?: FieldLines): void {
    try {
      if (trailers !== undefined && trailers.length > 0) this.#response.addTrailers(pairs(trailers));
    } catch {
      // Trailers that Node refuses are left out (RFC 9110 §6.5.1 allows it).
    }
    // The request is not whole yet: its remaining bytes are no request.
    if (!this.#isWhole()) this.#lingerAfter();
    const held = this.#held;
    this.#mayHold = false;
    this.#held = undefined;
    // One text is one write, without a list of buffers.
    if (held === undefined) this.#response.end();
    else this.#response.end(held.toString('latin1'), 'latin1');
  }

  /** Node marks a request as complete a moment after its event, also a request without content (RFC 9112 §6.3). */
  #isWhole(): boolean {
    if (this.#request.complete) return true;
    const { headers } = this.#request;
    return headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0;
  }

  abort(): void {
    const { socket } = this.#request;
    this.#connection.closing = true;
    // A TLS socket cannot send RST; without close_notify the client sees the cut (RFC 8446 §6.1).
    if (this.listener === 'http') socket.resetAndDestroy();
    else socket.destroy();
  }

  closeAfter(): void {
    this.#response.shouldKeepAlive = false;
    this.#lingerAfter();
  }

  #lingerAfter(): void {
    if (this.#connection.closing) return;
    this.#connection.closing = true;
    const { socket } = this.#request;
    // Node calls it after the last response of a connection,
    socket.destroySoon = () => closeLingering(socket);
    // and does not when the head has promised to keep the connection.
    this.#response.once('finish', () => {
      if (!socket.destroyed && socket.writable) closeLingering(socket);
    });
  }
}

/**
 * The fields without those that Node refuses to write: Trailer without chunks (it announces nothing then), bytes that no field may have.
 * A Location stays: a redirect without one is worth nothing.
 */
const writableFields = (fields: FieldLines): string[] => {
  const kept: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    const value = fields[i + 1] as string;
    const lower = name.toLowerCase();
    const isSound = classOfToken(name) !== undefined && !UNWRITABLE.test(value);
    if (lower === 'location' || (isSound && lower !== 'trailer')) kept.push(name, value);
  }
  return kept;
};

const flushAlone = (exchange: Http1Exchange): void => exchange.flush();

/** Node does not check the values of early hints: only plain text may reach it. */
const PLAIN = /^[\t\u0020-\u007e]*$/;

/** Links stay single, and Node joins them. Other repeated fields are joined here (RFC 9110 §5.3), except cookies. */
const hintsOf = (fields: FieldLines): Record<string, string | string[]> => {
  const hints: Record<string, string | string[]> = Object.create(null);
  const links: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = (fields[i] as string).toLowerCase();
    const value = fields[i + 1] as string;
    if (!PLAIN.test(value) || name === 'set-cookie') continue;
    if (name === 'link') links.push(value);
    else hints[name] = hints[name] === undefined ? value : `${String(hints[name])}, ${value}`;
  }
  if (links.length > 0) hints['link'] = links;
  return hints;
};

const pairs = (fields: FieldLines): [string, string][] => {
  const list: [string, string][] = [];
  for (let i = 0; i < fields.length; i += 2) list.push([fields[i] as string, fields[i + 1] as string]);
  return list;
};
