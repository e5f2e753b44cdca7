// HTTP/2: one stream of Node's session as an Exchange (RFC 9113 §8).
// It decides nothing about names, routes or upstreams.

import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Readable } from 'node:stream';
import type { LinkgateError } from '../../core/errors.ts';
import type { ConnectionFacts } from '../connections/connection-facts.ts';
import type { Exchange, FieldLines } from './exchange.ts';
import { hasNoContent } from './content.ts';

/**
 * Fields that Node refuses to send twice. Trackers behind other servers and CDNs repeat some of them, although no field with one value may
 * be repeated (RFC 9110 §5.3): the first one passes.
 */
const SINGLE: ReadonlySet<string> = new Set([
  'access-control-allow-credentials',
  'access-control-max-age',
  'access-control-request-method',
  'age',
  'authorization',
  'content-length',
  'content-location',
  'content-md5',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'dnt',
  'etag',
  'expires',
  'from',
  'host',
  'if-modified-since',
  'if-range',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'proxy-authorization',
  'range',
  'referer',
  'retry-after',
  'tk',
  'upgrade-insecure-requests',
  'user-agent',
  'x-content-type-options',
]);
/** Node refuses to send these twice too, but they are lists: they may be joined. */
const LISTS: ReadonlySet<string> = new Set([
  'content-encoding',
  'content-language',
  'if-match',
  'if-none-match',
]);

/** Flat list → Node's object; repeated fields become arrays, which Node sends as separate lines. */
const toHeaders = (fields: FieldLines): OutgoingHttpHeaders => {
  const headers: OutgoingHttpHeaders = Object.create(null);
  for (let i = 0; i < fields.length; i += 2) {
    const name = (fields[i] as string).toLowerCase();
    const value = fields[i + 1] as string;
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else if (LISTS.has(name)) headers[name] = `${String(before)}, ${value}`;
    else if (before !== value && !SINGLE.has(name))
      headers[name] = [before as string | string[], value].flat();
  }
  return headers;
};

/** Node sends no status above it (RFC 9110 §15). */
const HIGHEST_STATUS = 599;
/** In place of such a status: that of a 4xx, which no client asks again for. A repeated click would be a second click. */
const UNKNOWN_STATUS = 400;

interface RequestHead {
  readonly method: string;
  readonly target: string;
  readonly fields: string[];
}

/**
 * Separates the pseudo-fields: `:authority` becomes Host (RFC 9113 §8.3.1), and Cookie fields are joined (§8.2.3). When `:authority` and
 * Host differ, both stay: serve/request/headers.ts refuses two Hosts.
 */
const readHead = (raw: FieldLines): RequestHead => {
  let method = '';
  let target = '';
  let authority: string | undefined;
  let cookie: string | undefined;
  const fields: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    if (name === ':method') method = value;
    else if (name === ':path') target = value;
    else if (name === ':authority') authority = value;
    else if (name === 'cookie') cookie = cookie === undefined ? value : `${cookie}; ${value}`;
    else if (name === 'host' && authority !== undefined && value.toLowerCase() === authority.toLowerCase())
      continue;
    else if (!name.startsWith(':')) fields.push(name, value);
  }
  if (authority !== undefined) fields.push('host', authority);
  if (cookie !== undefined) fields.push('cookie', cookie);
  return { method, target, fields };
};

/** 'close' follows each error. */
const ignore = (): void => undefined;

export class Http2Exchange implements Exchange {
  readonly listener = 'https';
  readonly httpVersion = '2';
  readonly method: string;
  readonly target: string;
  readonly fields: FieldLines;
  readonly connection: ConnectionFacts;
  readonly startedMs = performance.now();
  strayContent = false;
  policy: FieldLines = [];
  onDrain: (() => void) | undefined;
  onFault: ((error: LinkgateError) => void) | undefined;
  readonly #stream: ServerHttp2Stream;
  #trailers: FieldLines | undefined;
  #brokenOff = false;
  /** the response was handed over whole; `writableFinished` may be false when Node reports that the stream is closed */
  #ended = false;
  #closing = false;
  #hearsDrain = false;
  readonly #closeListeners: ((finished: boolean) => void)[] = [];

  constructor(connection: ConnectionFacts, stream: ServerHttp2Stream, rawFields: FieldLines) {
    const { method, target, fields } = readHead(rawFields);
    this.method = method;
    this.target = target;
    this.fields = fields;
    this.connection = connection;
    this.#stream = stream;
    // Node delays a reset with code 0 until the content was read, also when there is none.
    if (stream.endAfterHeaders) stream.resume();
    stream.on('error', ignore);
    stream.on('close', () => {
      const finished = this.#ended && stream.rstCode === constants.NGHTTP2_NO_ERROR;
      for (const listener of this.#closeListeners) listener(finished);
    });
  }

  onClose(listener: (finished: boolean) => void): void {
    this.#closeListeners.push(listener);
  }

  get closed(): boolean {
    return this.#stream.closed || this.#stream.destroyed;
  }

  /** whether the client closed the stream before the whole response was sent; valid when the stream is closed */
  get cutByClient(): boolean {
    return !this.#brokenOff && (!this.#ended || this.#stream.rstCode !== constants.NGHTTP2_NO_ERROR);
  }

  body(): Readable | undefined {
    // A method without content: http2.ts has seen the end of the stream.
    if (this.#stream.endAfterHeaders || hasNoContent(this.method)) return undefined;
    if (this.fields.some((name, i) => i % 2 === 0 && name === 'expect')) {
      try {
        this.#stream.additionalHeaders({ ':status': 100 });
      } catch {
        // The stream has closed in the meantime.
      }
    }
    return this.#stream;
  }

  inform(status: number, fields: FieldLines): void {
    if (this.#stream.headersSent || this.closed) return;
    try {
      this.#stream.additionalHeaders({ ...toHeaders(fields), ':status': status });
    } catch {
      // An interim response may be left out (RFC 9110 §15.2).
    }
  }

  head(status: number, _reason: string, fields: FieldLines): void {
    if (this.closed) return;
    const headers = toHeaders(this.policy.length === 0 ? fields : fields.concat(this.policy));
    headers[':status'] = status <= HIGHEST_STATUS ? status : UNKNOWN_STATUS;
    const endStream = this.method === 'HEAD' || status === 204 || status === 304;
    // Trailers are announced (RFC 9110 §6.6.2); Node must know before the content.
    const waitForTrailers = !endStream && headers['trailer'] !== undefined;
    if (waitForTrailers) {
      this.#stream.on('wantTrailers', () => this.#sendTrailers());
    }
    this.#stream.respond(headers, { endStream, waitForTrailers });
  }

  write(chunk: Buffer): boolean {
    if (this.#stream.writableEnded || this.closed || this.#stream.write(chunk)) return true;
    // Most responses never wait.
    if (!this.#hearsDrain) {
      this.#hearsDrain = true;
      this.#stream.on('drain', () => this.onDrain?.());
    }
    return false;
  }

  end(trailers?: FieldLines): void {
    const stream = this.#stream;
    if (!this.closed) this.#ended = true;
    this.#trailers = trailers;
    // The request is not whole yet: its rest is not wanted (RFC 9113 §8.1).
    if (!stream.readableEnded && !stream.endAfterHeaders) {
      stream.once('finish', () => stream.close(constants.NGHTTP2_NO_ERROR));
    }
    stream.end();
    if (this.#closing) stream.session?.close();
  }

  /** Node asks for them outside of any try: trailers that it refuses are left out (RFC 9110 §6.5.1 allows it). */
  #sendTrailers(): void {
    const stream = this.#stream;
    try {
      stream.sendTrailers(toHeaders(this.#trailers ?? []));
    } catch {
      try {
        stream.sendTrailers({});
      } catch {
        this.abort();
      }
    }
  }

  abort(): void {
    if (!this.closed) this.#brokenOff = true;
    // `close(code)` would first send a DATA frame with END_STREAM, and a cut response would look whole.
    this.#stream.destroy(new Error('response was cut off'));
  }

  closeAfter(): void {
    this.#closing = true;
  }
}
