// The head of a request, as text: request line, Host, the fields as they came, and the framing of the content, which is decided
// here and nowhere else. No byte of a client's framing passes.

import { LinkgateError } from '../../../core/errors.ts';
import type { FieldLines } from '../../http/exchange.ts';

export interface RequestHead {
  readonly method: string;
  readonly target: string;
  /** flat list, Host among them */
  readonly fields: FieldLines;
}

/** Bytes of content; `chunked` when nobody knows how many; undefined without content. */
export type ContentFraming = number | 'chunked' | undefined;

/** Methods whose request says `content-length: 0` when it has no content (RFC 9110 §8.6). */
const EXPECTS_CONTENT = new Set(['POST', 'PUT', 'PATCH', 'QUERY', 'PROPFIND', 'PROPPATCH']);

/** A request line ends at the first blank; above 0xff, `latin1` would cut bytes off and could make a line end of them. */
const TARGET = /^[\u0021-\u00ff]+$/;

const framingLine = (method: string, content: ContentFraming): string => {
  if (content === 'chunked') return 'transfer-encoding: chunked\r\n\r\n';
  const length = content ?? 0;
  return length === 0 && !EXPECTS_CONTENT.has(method) ? '\r\n' : `content-length: ${length}\r\n\r\n`;
};

const countOf = (text: string, character: string): number => {
  let count = 0;
  for (let at = text.indexOf(character); at >= 0; at = text.indexOf(character, at + 1)) count += 1;
  return count;
};

/**
 * @param isLast - the connection closes after this request
 * @throws LinkgateError `ERR_REQUEST_MALFORMED` when a part of it would make a line more
 */
export const requestHead = (
  { method, target, fields }: RequestHead,
  content: ContentFraming,
  isLast: boolean,
): string => {
  const kept = isLast ? 'close' : 'keep-alive';
  let host = '';
  let rest = '';
  let lines = 5;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (name.length === 4 && name.toLowerCase() === 'host') host = fields[i + 1] as string;
    else if (name.length !== 14 || name.toLowerCase() !== 'content-length') {
      rest += `${name}: ${fields[i + 1] as string}\r\n`;
      lines += 1;
    }
  }
  const framing = framingLine(method, content);
  if (framing.length === 2) lines -= 1;
  const text = `${method} ${target} HTTP/1.1\r\nhost: ${host}\r\nconnection: ${kept}\r\n${rest}${framing}`;
  // the fields were checked when they were read; this holds even when one was not
  if (!TARGET.test(target) || countOf(text, '\n') !== lines)
    throw new LinkgateError('ERR_REQUEST_MALFORMED', 'request has a line end inside a line');
  return text;
};

/** The announced length, where the fields of a request have one. */
export const announcedLength = (fields: FieldLines): number | undefined => {
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (name.length === 14 && name.toLowerCase() === 'content-length') return Number(fields[i + 1]);
  }
  return undefined;
};
