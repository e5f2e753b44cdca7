// One click of the load: what it sends and whether the answer is the one that belongs to it.

import { locationOf } from '../upstream.ts';

/** What an answer was, where it was not the click's own. */
export type Fault = 'status' | 'location' | 'framing';

/** A click's path as it is in mail: the payload in base64url, then a signature. About 400 characters. */
const PAYLOAD = `/e/c/${'eyJlbWFpbF9pZCI6ImRnVEJ2cWdF'.repeat(11)}`;
const SIGNATURE = `/${'0123456789abcdef'.repeat(4)}`;

/** A path that no other click has. */
export const targetOf = (thread: number, click: number): string => `${PAYLOAD}${thread}x${click}${SIGNATURE}`;

export const HEADERS: readonly (readonly [string, string])[] = [
  ['user-agent', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36'],
  ['accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8'],
  ['accept-language', 'en-US,en;q=0.5'],
  ['accept-encoding', 'gzip, deflate, br, zstd'],
];

const HEADER_TEXT = HEADERS.map(([name, value]) => `${name}: ${value}\r\n`).join('');

export const requestText = (name: string, target: string): string =>
  `GET ${target} HTTP/1.1\r\nhost: ${name}\r\n${HEADER_TEXT}\r\n`;

export interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  /** bytes of the answer, header and body */
  readonly length: number;
  /** the connection takes no click after it (RFC 9112 §9.6) */
  readonly isLast: boolean;
}

const HEAD_END = '\r\n\r\n';

/** Length of a chunked body (RFC 9112 §7.1) from `start`, or undefined while its end is missing. */
const chunkedEnd = (text: string, start: number): number | undefined => {
  for (let at = start; ;) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    if (Number.isNaN(size)) return NaN;
    at = lineEnd + 2 + size + 2;
    if (at > text.length) return undefined;
    if (size === 0) return at;
  }
};

/**
 * Reads the HTTP/1.1 answer that `text` (latin1) begins with.
 * @returns undefined while something is missing; `framing` when its end cannot be found
 */
export const readAnswer = (text: string): Answer | 'framing' | undefined => {
  const headEnd = text.indexOf(HEAD_END);
  if (headEnd < 0) return undefined;
  const head = text.slice(0, headEnd + 2);
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1] ?? NaN);
  const location = /\r\nlocation: ([^\r\n]*)\r\n/i.exec(head)?.[1];
  const start = headEnd + HEAD_END.length;
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1];
  const isChunked = /\r\ntransfer-encoding: chunked\r\n/i.test(head);
  if (length === undefined && !isChunked) return 'framing';
  const end = isChunked ? chunkedEnd(text, start) : start + Number(length);
  if (end === undefined || end > text.length) return undefined;
  const isLast = /\r\nconnection: close\r\n/i.test(head);
  return Number.isNaN(end + status) ? 'framing' : { status, location, length: end, isLast };
};

/** What is wrong with the answer to a click; undefined when it is the right one. */
export const faultOf = (
  { status, location }: Pick<Answer, 'status' | 'location'>,
  name: string,
  target: string,
): Fault | undefined => {
  if (status !== 302) return 'status';
  return location === locationOf(name, target) ? undefined : 'location';
};
