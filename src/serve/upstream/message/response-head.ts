// The head of a response, from text: status line, fields, and what they say about the framing of what follows (RFC 9112 §4, §5,
// §6.3). Refuses whatever two readers could frame differently.

import type { FieldClass } from '../../http/field-classes.ts';
import type { FieldLines } from '../../http/exchange.ts';
import { invalidResponse, readFieldLines } from './field-lines.ts';

export interface ResponseHead {
  readonly status: number;
  /** empty where there is none that can be passed on */
  readonly reason: string;
  readonly fields: FieldLines;
  readonly isChunked: boolean;
  readonly contentLength: number | undefined;
  /** the connection can carry another request (RFC 9112 §9.3) */
  readonly isPersistent: boolean;
  /** how long the tracker keeps the connection when it is idle: `Keep-Alive: timeout=…` */
  readonly keepAliveMs: number | undefined;
}

/** Some servers leave out the space before an absent reason. */
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([^\r\n]*))?\r\n/;
const REASON = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;
const PLAIN_NUMBER = /^\d{1,15}$/;
const KEEP_ALIVE = /(?:^|[,;\s])timeout=(\d{1,6})(?:$|[,;\s])/i;

/** Equal repeats are one (RFC 9112 §6.3, item 5), different ones are an attack. */
const lengthOf = (value: string, before: number | undefined): number => {
  let length = before;
  for (const part of value.split(',')) {
    const text = part.replaceAll(/^[ \t]+|[ \t]+$/g, '');
    if (!PLAIN_NUMBER.test(text) || (length !== undefined && length !== Number(text)))
      throw invalidResponse('a Content-Length that is not one number');
    length = Number(text);
  }
  return length as number;
};

/** The fields of one head while they are read, one after the other. */
class HeadFields {
  readonly lines: string[] = [];
  isChunked = false;
  contentLength: number | undefined;
  isClosing = false;
  keepAliveMs: number | undefined;

  /** bound once: it is handed over as it is */
  readonly take = (name: string, value: string, kind: FieldClass): void => {
    switch (kind) {
      case 'length': {
        const isRepeated = this.contentLength !== undefined;
        this.contentLength = lengthOf(value, this.contentLength);
        if (!isRepeated) this.lines.push(name, String(this.contentLength));
        return;
      }
      case 'encoding':
        if (this.isChunked || value.toLowerCase() !== 'chunked')
          throw invalidResponse('a Transfer-Encoding other than chunked');
        this.isChunked = true;
        break;
      case 'connection':
        this.isClosing ||= value.split(',').some((option) => option.trim().toLowerCase() === 'close');
        break;
      case 'hop':
        if (name.length === 10 && name.toLowerCase() === 'keep-alive') this.#keepAlive(value);
        break;
      default:
    }
    this.lines.push(name, value);
  };

  #keepAlive(value: string): void {
    const seconds = KEEP_ALIVE.exec(value)?.[1];
    if (seconds !== undefined) this.keepAliveMs = Number(seconds) * 1_000;
  }
}

/** A 204 has no content, so no length either (RFC 9110 §8.6). */
const withoutLength = (fields: FieldLines): FieldLines =>
  fields.filter((_, i) => fields[i - (i % 2)]?.toLowerCase() !== 'content-length');

/**
 * Refused, because readers disagree about where such a response ends:
 * 1. a status line of another form, or another version
 * 2. Content-Length that is no plain number, or two that differ
 * 3. Transfer-Encoding that is not exactly `chunked`, comes twice, or is in HTTP/1.0 (RFC 9112 §6.1)
 * 4. Transfer-Encoding and Content-Length: chunked would win, but such a response "ought to be handled as an error" (§6.3, item 3)
 * @param text - latin1, from the status line to the CRLF of the last field
 * @throws LinkgateError `ERR_UPSTREAM_INVALID`
 */
export const readResponseHead = (text: string): ResponseHead => {
  const line = STATUS_LINE.exec(text);
  if (line === null) throw invalidResponse('no valid status line');
  const [all, minor, digits, reason = ''] = line;
  const fields = new HeadFields();
  readFieldLines(text, all.length, fields.take);
  const { isChunked, contentLength, isClosing, keepAliveMs, lines } = fields;
  if (isChunked && minor === '0') throw invalidResponse('Transfer-Encoding in HTTP/1.0');
  if (isChunked && contentLength !== undefined)
    throw invalidResponse('both Transfer-Encoding and Content-Length');
  const status = Number(digits);
  return {
    status,
    reason: REASON.test(reason) ? reason : '',
    fields: status === 204 && contentLength !== undefined ? withoutLength(lines) : lines,
    isChunked,
    contentLength,
    isPersistent: minor === '1' && !isClosing,
    keepAliveMs,
  };
};
