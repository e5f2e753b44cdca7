// Content in chunks (RFC 9112 §7.1): sizes, extensions, data, trailers, from bytes split anywhere. Extensions are read over.

import type { FieldLines } from '../../http/exchange.ts';
import { invalidResponse, readFieldLines } from './field-lines.ts';

/** Gets a piece of content: a view that is good during the call only. */
export type TakeContent = (piece: Buffer) => void;

/** All extensions of one response together: they mean nothing here. */
const MAX_EXTENSION_BYTES = 16 * 1024;
const MAX_TRAILER_BYTES = 16 * 1024;
/** 13 digits are below 2^53. Blanks behind the size are written by some servers, and change nothing. */
const SIZE_LINE = /^([0-9A-Fa-f]{1,13})([ \t]*(?:;[\t\u0020-\u007e\u0080-\u00ff]*)?)\r\n$/;
const LF = 0x0a;

type State = 'size' | 'data' | 'data-end' | 'trailers';

export class ChunkedContent {
  readonly #take: TakeContent;
  #state: State = 'size';
  /** what is left of the data of this chunk */
  #left = 0;
  /** a line that has not ended yet */
  #line = '';
  #extensionBytes = 0;
  #trailerText = '';

  constructor(take: TakeContent) {
    this.#take = take;
  }

  /**
   * @returns where the content with its trailers ended in `bytes`, -1 when it goes on
   * @throws LinkgateError `ERR_UPSTREAM_INVALID`
   */
  read(bytes: Buffer, start: number): number {
    let at = start;
    while (at < bytes.length) {
      at = this.#state === 'data' ? this.#readData(bytes, at) : this.#readLine(bytes, at);
      if (this.#state === 'trailers' && this.#isOver) return at;
    }
    return -1;
  }

  #isOver = false;

  /** Fields behind the content; complete once it ended. */
  trailers(): FieldLines {
    if (this.#trailerText === '') return [];
    const fields: string[] = [];
    readFieldLines(this.#trailerText, 0, (name, value, kind) => {
      if (kind === 'pass') fields.push(name, value);
    });
    return fields;
  }

  #readData(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    this.#left -= end - at;
    if (this.#left === 0) this.#state = 'data-end';
    this.#take(bytes.subarray(at, end));
    return end;
  }

  #readLine(bytes: Buffer, at: number): number {
    const end = bytes.indexOf(LF, at);
    const piece = bytes.toString('latin1', at, end < 0 ? bytes.length : end + 1);
    const line = this.#line === '' ? piece : this.#line + piece;
    if (line.length > MAX_EXTENSION_BYTES) throw invalidResponse('a line of a chunk that is too long');
    if (end < 0) {
      this.#line = line;
      return bytes.length;
    }
    this.#line = '';
    if (!line.endsWith('\r\n')) throw invalidResponse('a line that ends without CR');
    this.#endLine(line);
    return end + 1;
  }

  #endLine(line: string): void {
    switch (this.#state) {
      case 'size':
        this.#endSize(line);
        break;
      case 'data-end':
        if (line !== '\r\n') throw invalidResponse('a chunk that is longer than its size');
        this.#state = 'size';
        break;
      default:
        if (line === '\r\n') this.#isOver = true;
        else this.#trailerText += line;
        if (this.#trailerText.length > MAX_TRAILER_BYTES) throw invalidResponse('trailers that are too long');
    }
  }

  #endSize(line: string): void {
    const [, digits, rest = ''] = SIZE_LINE.exec(line) ?? [];
    if (digits === undefined) throw invalidResponse('a chunk without a valid size');
    this.#extensionBytes += rest.length;
    if (this.#extensionBytes > MAX_EXTENSION_BYTES) throw invalidResponse('too many chunk extensions');
    this.#left = Number.parseInt(digits, 16);
    this.#state = this.#left === 0 ? 'trailers' : 'data';
  }
}
