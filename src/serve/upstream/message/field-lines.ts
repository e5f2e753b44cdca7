// Field lines of a response, from text: each is taken, dropped, or the end of the whole response. Used for heads and for trailers.
// Knows no meaning of a field but whether it frames the message.

import { LinkgateError } from '../../../core/errors.ts';
import { classOfToken, type FieldClass } from '../../http/field-classes.ts';

/** Takes one field whose name is a token and whose value has no control byte. */
export type TakeField = (name: string, value: string, kind: FieldClass) => void;

/** What a field value is made of (RFC 9110 §5.5). */
const VALUE = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;
const MAX_LINES = 1_000;
const SPACE = 0x20;
const TAB = 0x09;

export const invalidResponse = (what: string): LinkgateError =>
  new LinkgateError('ERR_UPSTREAM_INVALID', `response has ${what}`);

const frames = (kind: FieldClass | undefined): boolean =>
  kind === 'length' || kind === 'encoding' || kind === 'connection';

const isBlank = (code: number): boolean => code === SPACE || code === TAB;

/** Spaces and tabs only (RFC 9110 §5.6.3): `trim()` would take 0xa0 too. */
const trimmed = (text: string, start: number, end: number): string => {
  let [from, to] = [start, end];
  while (from < to && isBlank(text.charCodeAt(from))) from += 1;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to -= 1;
  return text.slice(from, to);
};

/** `Content-Length\0`, `Connection` without a colon: somebody may read it as the field that it nearly is. */
const looksLikeFraming = (name: string): boolean =>
  frames(classOfToken(name.toLowerCase().replaceAll(/[^a-z-]/g, '')));

/**
 * A line that is no field as it stands:
 * 1. a bare LF is refused: a lenient reader ends the line there, and sees another field (RFC 9112 §2.2)
 * 2. blanks before the colon are taken away (RFC 9112 §5.1)
 * 3. what frames the message, or nearly does, is refused
 * 4. anything else is dropped: it changes no framing
 */
const takeOddLine = (line: string, take: TakeField): void => {
  if (line.includes('\n')) throw invalidResponse('a line that ends without CR');
  const colon = line.indexOf(':');
  const name = trimmed(line, 0, colon < 0 ? line.length : colon);
  const kind = isBlank(line.charCodeAt(0)) ? undefined : classOfToken(name);
  if (frames(kind) || (kind === undefined && looksLikeFraming(name)))
    throw invalidResponse('a malformed field that frames it');
  if (kind === undefined || colon < 0) return;
  const value = trimmed(line, colon + 1, line.length);
  if (VALUE.test(value)) take(name, value, kind);
};

/** The end of the line that starts at `at`, with the lines that continue it (obs-fold, RFC 9112 §5.2). */
const endOfLine = (text: string, at: number): number => {
  let end = text.indexOf('\r\n', at);
  while (isBlank(text.charCodeAt(end + 2))) end = text.indexOf('\r\n', end + 2);
  return end;
};

const unfolded = (line: string): string => line.replaceAll(/[ \t]*\r\n[ \t]+/g, ' ');

/**
 * Reads field lines up to the end of `text`.
 * @param text - latin1; every line ends with CRLF
 * @throws LinkgateError `ERR_UPSTREAM_INVALID` for what makes the framing doubtful, and for too many lines
 */
export const readFieldLines = (text: string, start: number, take: TakeField): void => {
  let lines = 0;
  for (let at = start; at < text.length;) {
    lines += 1;
    if (lines > MAX_LINES) throw invalidResponse(`more than ${MAX_LINES} fields`);
    const end = endOfLine(text, at);
    const colon = text.indexOf(':', at);
    const name = colon < 0 || colon > end ? '' : text.slice(at, colon);
    const kind = classOfToken(name);
    const value = kind === undefined ? '' : trimmed(text, colon + 1, end);
    if (kind !== undefined && VALUE.test(value)) take(name, value, kind);
    else {
      const line = text.slice(at, end);
      // a folded field that frames the message is not worth the risk of being read in two ways
      if (frames(kind)) throw invalidResponse('a malformed field that frames it');
      takeOddLine(unfolded(line), take);
    }
    at = end + 2;
  }
};
