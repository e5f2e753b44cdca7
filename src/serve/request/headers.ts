// Which fields pass to the upstream, and which come back (RFC 9110 §7.6.1). Pure functions over flat lists that keep order and repetition.
// Knows no socket.

import { LinkgateError } from '../../core/errors.ts';
import type { Limits } from '../../core/settings.ts';
import { hasNoContent } from '../http/content.ts';
import { classOf, classOfToken } from '../http/field-classes.ts';
import type { FieldLines } from '../http/exchange.ts';

/** Adds the names a Connection field nominates (RFC 9110 §7.6.1), lower case. */
const nominate = (before: readonly string[] | undefined, value: string): readonly string[] | undefined => {
  // The usual value; Keep-Alive is dropped in any case.
  if (value === 'keep-alive') return before;
  const names = value.split(',').map((option) => option.trim().toLowerCase());
  return before === undefined ? names : [...before, ...names];
};

const malformed = (what: string): LinkgateError => new LinkgateError('ERR_REQUEST_MALFORMED', what);

/** Characters of a field value (RFC 9110 §5.5); both parsers refuse others as well. */
const VALUE = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;

/** The meaning of a request's fields. */
export interface RequestFields {
  /** the value of the one Host field; undefined only in HTTP/1.0 */
  readonly host: string | undefined;
  /** fields to forward, without Host and without those that belong to this hop */
  readonly forwarded: string[];
  /** whether content follows (RFC 9112 §6.3) */
  readonly hasContent: boolean;
  /** value of Content-Length, when there is one */
  readonly contentLength: number | undefined;
  /** X-Forwarded-For, unchanged, several lines joined; used only from a trusted proxy */
  readonly forwardedFor: string | undefined;
  /** X-Forwarded-Proto, unchanged, the last line */
  readonly forwardedProto: string | undefined;
  /** unchanged, and forwarded; undefined when there is none, or more than one */
  readonly traceparent: string | undefined;
  /** HTTP/1: an offer of another protocol. It is ignored, and Node's parser loses what came behind it in the same read. */
  readonly offersProtocol: boolean;
}

/** What decides about the fields of a request as well. */
export interface RequestShape {
  readonly method: string;
  readonly httpVersion: '1.0' | '1.1' | '2';
  readonly fields: FieldLines;
  /** HTTP/2: content came for a method that has none */
  readonly strayContent: boolean;
}

/** The fields of one request while they are read, one after the other. */
class SeenFields {
  readonly #httpVersion: RequestShape['httpVersion'];
  readonly #forwarded: string[] = [];
  #host: string | undefined;
  #length: string | undefined;
  #forwardedFor: string | undefined;
  #forwardedProto: string | undefined;
  #traceparent: string | undefined;
  #isChunked = false;
  #offersProtocol = false;
  #nominated: readonly string[] | undefined;

  constructor(httpVersion: RequestShape['httpVersion']) {
    this.#httpVersion = httpVersion;
  }

  add(name: string, value: string): void {
    const kind = classOfToken(name);
    if (kind === undefined) throw malformed('request has a field name that is no token');
    if (!VALUE.test(value)) throw malformed('request has a field value with control bytes');
    switch (kind) {
      case 'pass':
        // Only names of this length are compared: other fields cost nothing.
        if (name.length === 11 && name.toLowerCase() === 'traceparent')
          this.#traceparent = this.#traceparent === undefined ? value : '';
        this.#forwarded.push(name, value);
        break;
      case 'policy':
        this.#forwarded.push(name, value);
        break;
      case 'identity':
        this.#addIdentity(name, value);
        break;
      case 'hop':
        if (this.#httpVersion === '2') refuseHop(name, value);
        else if (name.length === 7 && name.toLowerCase() === 'upgrade') this.#offersProtocol = true;
        break;
      default:
        this.#addFraming(kind, value);
    }
  }

  #addIdentity(name: string, value: string): void {
    if (name.length === 15 && name.toLowerCase() === 'x-forwarded-for') {
      this.#forwardedFor = this.#forwardedFor === undefined ? value : `${this.#forwardedFor}, ${value}`;
    } else if (name.toLowerCase() === 'x-forwarded-proto') this.#forwardedProto = value;
  }

  #addFraming(kind: 'host' | 'length' | 'encoding' | 'expect' | 'connection', value: string): void {
    switch (kind) {
      case 'host':
        if (this.#host !== undefined) throw malformed('request has two Host fields');
        this.#host = value;
        break;
      case 'length':
        if (this.#length !== undefined) throw malformed('request has two Content-Length fields');
        if (!/^\d{1,15}$/.test(value))
          throw malformed('request has a Content-Length that is not a plain number');
        this.#length = value;
        break;
      case 'expect':
        if (value.toLowerCase() !== '100-continue')
          throw malformed('request has an Expect that is not 100-continue');
        break;
      case 'encoding':
        if (this.#isChunked || value.toLowerCase() !== 'chunked') {
          throw malformed('request has a Transfer-Encoding other than chunked');
        }
        this.#isChunked = true;
        break;
      case 'connection':
        this.#nominated = nominate(this.#nominated, value);
        break;
    }
    if (this.#httpVersion === '2' && (kind === 'connection' || kind === 'encoding'))
      throw malformed('request has a connection field in HTTP/2');
  }

  /** @throws LinkgateError when the fields together do not frame one request */
  read(method: string, strayContent: boolean): RequestFields {
    const length = this.#length;
    if (this.#host === undefined && this.#httpVersion !== '1.0') throw malformed('request has no Host field');
    if (this.#isChunked && length !== undefined)
      throw malformed('request has both Content-Length and Transfer-Encoding');
    if (this.#isChunked && this.#httpVersion !== '1.1')
      throw malformed(`request has Transfer-Encoding in HTTP/${this.#httpVersion}`);
    const contentLength = length === undefined ? undefined : Number(length);
    const hasContent = this.#isChunked || strayContent || (contentLength ?? 0) > 0;
    if (hasContent && hasNoContent(method))
      throw malformed('request has content its method has no meaning for');
    const forwarded = this.#forwarded;
    if (contentLength !== undefined) forwarded.push('Content-Length', String(contentLength));
    return {
      host: this.#host,
      forwarded: this.#nominated === undefined ? forwarded : withoutNominated(forwarded, this.#nominated),
      hasContent,
      contentLength,
      forwardedFor: this.#forwardedFor,
      forwardedProto: this.#forwardedProto,
      traceparent: this.#traceparent === '' ? undefined : this.#traceparent,
      offersProtocol: this.#offersProtocol && this.#nominated?.includes('upgrade') === true,
    };
  }
}

/**
 * Reads a request's fields once: checks the framing, takes Host, keeps the fields that may pass.
 *
 * Refused, because two parsers could disagree about the end of the request or its name:
 * 1. more fields than the limit (RFC 6585 §5)
 * 2. a name that is no token, a value with control bytes (RFC 9110 §5.1, §5.5)
 * 3. no Host (except in HTTP/1.0: see route.ts), two Hosts (RFC 9112 §3.2)
 * 4. Content-Length twice, or not plain digits (RFC 9110 §8.6)
 * 5. Transfer-Encoding that is not exactly `chunked`, or next to Content-Length, or not in HTTP/1.1 (RFC 9112 §6.1)
 * 6. content with a method that has none (RFC 9110 §9.3)
 * 7. Expect other than `100-continue` (RFC 9110 §10.1.1)
 * 8. in HTTP/2 any field of a connection (RFC 9113 §8.2.2)
 *
 * An offer of another protocol (Upgrade in HTTP/1) is ignored, as RFC 9110 §7.8 allows: Java clients make one with every request.
 *
 * @throws LinkgateError `ERR_REQUEST_MALFORMED`, `ERR_REQUEST_HEADERS_TOO_LARGE`
 */
export const readRequestFields = (
  { method, httpVersion, fields, strayContent }: RequestShape,
  { headerBytes, headerFields }: Pick<Limits, 'headerBytes' | 'headerFields'>,
): RequestFields => {
  if (fields.length > headerFields * 2) {
    throw new LinkgateError('ERR_REQUEST_HEADERS_TOO_LARGE', `request has more than ${headerFields} fields`);
  }
  const seen = new SeenFields(httpVersion);
  let bytes = 0;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    const value = fields[i + 1] as string;
    // In HTTP/2 Node allows more (http2.ts), and enforces it only after the client's acknowledgement.
    bytes += name.length + value.length;
    if (bytes > headerBytes)
      throw new LinkgateError(
        'ERR_REQUEST_HEADERS_TOO_LARGE',
        `request has fields of more than ${headerBytes} bytes`,
      );
    seen.add(name, value);
  }
  return seen.read(method, strayContent);
};

/**
 * Checked after the rest, when the domain is known, so that this response carries the domain's policy as well.
 * @throws LinkgateError `ERR_REQUEST_BODY_TOO_LARGE` (RFC 9110 §15.5.14)
 */
export const refuseLargeContent = (
  { contentLength }: Pick<RequestFields, 'contentLength'>,
  { bodyBytes }: Pick<Limits, 'bodyBytes'>,
): void => {
  if (contentLength !== undefined && contentLength > bodyBytes)
    throw new LinkgateError('ERR_REQUEST_BODY_TOO_LARGE', `request body is larger than ${bodyBytes} bytes`);
};

/** Fields of a connection have no place in HTTP/2, except `te: trailers` (RFC 9113 §8.2.2). */
const refuseHop = (name: string, value: string): void => {
  const lower = name.toLowerCase();
  if (lower !== 'te' && !lower.startsWith('proxy-auth'))
    throw malformed('request has a connection field in HTTP/2');
  if (lower === 'te' && value.toLowerCase() !== 'trailers')
    throw malformed('request has a TE other than trailers in HTTP/2');
};

/** A Connection field must not remove the framing of the message. */
const withoutNominated = (fields: FieldLines, names: readonly string[]): string[] => {
  const kept: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    const lower = name.toLowerCase();
    if (lower === 'content-length' || !names.includes(lower)) kept.push(name, fields[i + 1] as string);
  }
  return kept;
};

/**
 * The fields of an upstream's response that pass to the client: no hop-by-hop field, no policy for the customer's name (HSTS turns
 * Customer.io's check red), everything else in order and unjoined. Content-Length stays: it frames the content that is passed on.
 */
export const responseFields = (raw: FieldLines): string[] => {
  const kept: string[] = [];
  let dropped: readonly string[] | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    switch (classOf(name)) {
      case 'hop':
      case 'encoding':
      case 'policy':
        break;
      case 'connection':
        dropped = nominate(dropped, value);
        break;
      default:
        kept.push(name, value);
    }
  }
  return dropped === undefined ? kept : withoutNominated(kept, dropped);
};

/** Trailer fields that may follow the content: nothing that frames or routes it (RFC 9110 §6.5.1). */
export const trailerFields = (raw: FieldLines): string[] => {
  const kept: string[] = [];
  const passing = responseFields(raw);
  for (let i = 0; i < passing.length; i += 2) {
    const name = passing[i] as string;
    if (classOf(name) === 'pass' && name.toLowerCase() !== 'set-cookie')
      kept.push(name, passing[i + 1] as string);
  }
  return kept;
};
