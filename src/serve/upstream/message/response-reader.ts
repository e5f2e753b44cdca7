// One response, from bytes split anywhere: interim responses, head, content, trailers. It knows where the response ends, and takes
// nothing behind that. Knows no connection.

import type { FieldLines } from '../../http/exchange.ts';
import { ChunkedContent, type TakeContent } from './chunked-content.ts';
import { HeadBytes } from './head-bytes.ts';
import { invalidResponse } from './field-lines.ts';
import { readResponseHead, type ResponseHead } from './response-head.ts';

/** Hears the parts of a response in their order. */
export interface ResponseParts {
  /** an interim response (RFC 9110 §15.2) other than 100 */
  onInterim(head: ResponseHead): void;
  onHead(head: ResponseHead): void;
  /** a view that is good during the call only */
  onContent(piece: Buffer): void;
}

/** More of them than anybody sends to one request. */
const MAX_INTERIM_RESPONSES = 32;

/** Ends where it starts: HEAD, 204, 304, whatever the fields say (RFC 9112 §6.3, item 1). */
const NOTHING = 0;

const hasNoContent = (method: string, status: number): boolean =>
  method === 'HEAD' || status === 204 || status === 304;

export class ResponseReader {
  readonly #method: string;
  readonly #parts: ResponseParts;
  readonly #headBytes = new HeadBytes();
  #interim = 0;
  /** undefined until the final head came */
  head: ResponseHead | undefined;
  /** undefined without chunks */
  #chunked: ChunkedContent | undefined;
  /** bytes of content that are still to come; Infinity: until the end of the connection */
  #left = 0;

  constructor(method: string, parts: ResponseParts) {
    this.#method = method;
    this.#parts = parts;
  }

  /**
   * @param bytes - good during the call only
   * @returns where the response ended in `bytes`, -1 when it goes on; after its end, do not call it again
   * @throws LinkgateError `ERR_UPSTREAM_INVALID`
   */
  read(bytes: Buffer): number {
    let at = 0;
    while (this.head === undefined) {
      at = this.#headBytes.read(bytes, at);
      if (at < 0) return -1;
      this.#takeHead(readResponseHead(this.#headBytes.take()));
    }
    return this.#chunked === undefined ? this.#readSized(bytes, at) : this.#chunked.read(bytes, at);
  }

  /** Whether the clean end of the connection is the end of this response (RFC 9112 §6.3, item 8). */
  endsWithConnection(): boolean {
    return this.head !== undefined && this.#left === Infinity;
  }

  /** @throws LinkgateError `ERR_UPSTREAM_INVALID` */
  trailers(): FieldLines {
    return this.#chunked?.trailers() ?? [];
  }

  #takeHead(head: ResponseHead): void {
    const { status } = head;
    if (status === 101) throw invalidResponse('a change of the protocol that was not asked for');
    if (status < 200) {
      this.#interim += 1;
      if (this.#interim > MAX_INTERIM_RESPONSES) throw invalidResponse('too many interim responses');
      // nobody waits for a 100: requests go out without Expect
      if (status !== 100) this.#parts.onInterim(head);
      return;
    }
    this.head = head;
    if (hasNoContent(this.#method, status)) this.#left = NOTHING;
    else if (head.isChunked) this.#chunked = new ChunkedContent(this.#takeContent);
    else this.#left = head.contentLength ?? Infinity;
    this.#parts.onHead(head);
  }

  readonly #takeContent: TakeContent = (piece) => this.#parts.onContent(piece);

  #readSized(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    this.#left -= end - at;
    if (end > at) this.#parts.onContent(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end));
    return this.#left === 0 ? end : -1;
  }
}
