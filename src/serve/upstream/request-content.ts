// The content of one request on its way into a connection: with back-pressure, in chunks or as long as was announced. A content
// that is here already goes out in one write with the head. Knows no response.

import type { Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { LinkgateError } from '../../core/errors.ts';
import {
  announcedLength,
  requestHead,
  type ContentFraming,
  type RequestHead,
} from './message/request-head.ts';

export interface UpstreamRequest extends RequestHead {
  readonly body: Readable | undefined;
  /** all of the body waits in it: it is sent with its length, in one write */
  readonly isWhole?: boolean;
}

export interface SendOptions {
  readonly socket: TLSSocket;
  readonly request: UpstreamRequest;
  /** the connection closes after this request */
  readonly isLast: boolean;
  /** the content broke off, or is not as long as was announced; not called after `onSent` */
  readonly onBroken: (error: Error) => void;
}

const LAST_CHUNK = '0\r\n\r\n';

/** Sends one request; `isSent` once all of it was handed to the socket. */
export class RequestContent {
  readonly #options: SendOptions;
  #body: Readable | undefined;
  #framing: ContentFraming;
  #sentBytes = 0;
  isSent = false;

  constructor(options: SendOptions) {
    this.#options = options;
  }

  /** @throws LinkgateError `ERR_REQUEST_MALFORMED`; nothing was written then */
  start(): void {
    const { request, socket, isLast } = this.#options;
    const { body, isWhole = false } = request;
    if (body === undefined) {
      socket.write(requestHead(request, undefined, isLast), 'latin1');
      this.isSent = true;
      return;
    }
    const announced = announcedLength(request.fields);
    if (isWhole) {
      this.#sendWhole(body, announced);
      return;
    }
    this.#body = body;
    this.#framing = announced ?? 'chunked';
    socket.write(requestHead(request, this.#framing, isLast), 'latin1');
    body
      .on('data', this.#onData)
      .on('end', this.#onEnd)
      .on('error', this.#onError)
      .on('close', this.#onClose);
    socket.on('drain', this.#onDrain);
  }

  /** Reads nothing more of the content. */
  stop(): void {
    const body = this.#body;
    if (body === undefined) return;
    this.#body = undefined;
    body
      .off('data', this.#onData)
      .off('end', this.#onEnd)
      .off('error', this.#onError)
      .off('close', this.#onClose);
    this.#options.socket.off('drain', this.#onDrain);
  }

  #sendWhole(body: Readable, announced: number | undefined): void {
    const { request, socket, isLast } = this.#options;
    const content = (body.read() as Buffer | null) ?? Buffer.alloc(0);
    if (announced !== undefined && announced !== content.length) throw wrongLength();
    const head = Buffer.from(requestHead(request, content.length, isLast), 'latin1');
    socket.write(content.length === 0 ? head : Buffer.concat([head, content]));
    this.isSent = true;
  }

  readonly #onData = (chunk: Buffer): void => {
    const { socket } = this.#options;
    this.#sentBytes += chunk.length;
    let goesOn: boolean;
    if (this.#framing === 'chunked') {
      socket.cork();
      socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
      socket.write(chunk);
      goesOn = socket.write('\r\n', 'latin1');
      socket.uncork();
    } else if (this.#sentBytes > Number(this.#framing)) {
      this.#break(wrongLength());
      return;
    } else goesOn = socket.write(chunk);
    if (!goesOn) this.#body?.pause();
  };

  readonly #onEnd = (): void => {
    if (this.#framing !== 'chunked' && this.#sentBytes !== this.#framing) {
      this.#break(wrongLength());
      return;
    }
    if (this.#framing === 'chunked') this.#options.socket.write(LAST_CHUNK, 'latin1');
    this.isSent = true;
    this.stop();
  };

  readonly #onError = (error: Error): void => this.#break(error);

  readonly #onClose = (): void =>
    this.#break(new LinkgateError('ERR_REQUEST_MALFORMED', 'request body broke off'));

  readonly #onDrain = (): void => void this.#body?.resume();

  #break(error: Error): void {
    this.stop();
    this.#options.onBroken(error);
  }
}

const wrongLength = (): LinkgateError =>
  new LinkgateError('ERR_REQUEST_MALFORMED', 'request body is not as long as its Content-Length says');
