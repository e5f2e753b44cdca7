// Gathers the bytes of one head until its empty line. Nearly every head comes in one piece and is not copied.

import { invalidResponse } from './field-lines.ts';

const MAX_HEAD_BYTES = 64 * 1024;
const END = Buffer.from('\r\n\r\n');
const START = 'HTTP/1.';
const FIRST_CAPACITY = 4 * 1024;
const LF = 0x0a;
const CR = 0x0d;

export class HeadBytes {
  #text = '';
  /** what came so far, when it came in pieces */
  #bytes: Buffer | undefined;
  #length = 0;

  /**
   * @returns where the head ended in `bytes`, -1 when it goes on
   * @throws LinkgateError `ERR_UPSTREAM_INVALID` for a head that is too large, and at once for what can be none
   */
  read(bytes: Buffer, at: number): number {
    if (this.#length === 0) {
      const end = bytes.indexOf(END, at);
      if (end >= 0 && end - at <= MAX_HEAD_BYTES) {
        this.#text = bytes.toString('latin1', at, end + 2);
        return end + END.length;
      }
    }
    const before = this.#length;
    const all = this.#append(bytes, at);
    const end = all.indexOf(END, Math.max(0, before - END.length + 1));
    if ((end < 0 ? this.#length : end) > MAX_HEAD_BYTES) throw invalidResponse('a head that is too large');
    if (end < 0) {
      this.#check(all, before);
      return -1;
    }
    this.#text = all.toString('latin1', 0, end + 2);
    this.#bytes = undefined;
    this.#length = 0;
    return at + end + END.length - before;
  }

  /** The text of the head that ended, latin1, with the CRLF of its last line. */
  take(): string {
    return this.#text;
  }

  #append(bytes: Buffer, at: number): Buffer {
    const length = this.#length + bytes.length - at;
    if (this.#bytes === undefined || this.#bytes.length < length) {
      const larger = Buffer.allocUnsafe(Math.max(FIRST_CAPACITY, length * 2));
      this.#bytes?.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    bytes.copy(this.#bytes, this.#length, at);
    this.#length = length;
    return this.#bytes.subarray(0, length);
  }

  /** What does not begin as a response, or ends its lines in another way, would be waited for in vain. */
  #check(all: Buffer, before: number): void {
    const start = all.toString('latin1', 0, START.length);
    if (!START.startsWith(start)) throw invalidResponse('no valid status line');
    for (let lf = all.indexOf(LF, before); lf >= 0; lf = all.indexOf(LF, lf + 1))
      if (all[lf - 1] !== CR) throw invalidResponse('a line that ends without CR');
  }
}
