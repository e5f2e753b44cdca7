// A request's content on its way to the upstream. It stands between the client's stream and the connection to the tracker, which destroys
// what it was given when a request fails. To destroy Node's IncomingMessage would cut the client's connection, and the error page with it.
// The content is counted here: the announced length may be wrong.

import { Readable } from 'node:stream';
import { LinkgateError } from '../../core/errors.ts';

/**
 * Methods whose content has no meaning (RFC 9110 §9.3.1, .2, .5, .7, .8). Proxies and servers disagree about the end of such a request,
 * so a second request can hide in it. No click has such a content.
 */
export const hasNoContent = (method: string): boolean =>
  method === 'GET' || method === 'HEAD' || method === 'DELETE' || method === 'OPTIONS' || method === 'TRACE';

/** Bytes of a content that may wait here; the default of Node depends on its version. */
const BUFFER_BYTES = 16 * 1024;

export interface RequestContent {
  readonly stream: Readable;
  /**
   * Starts reading, and calls back once: with `whole` when all of it is here (most forms fit), else when the buffer is full. So a slow
   * client holds no connection to the tracker. Not called when the content breaks off.
   */
  ready(done: (whole: boolean) => void): void;
}

/**
 * Reads `source` with back-pressure; never destroys it.
 * Fails with LinkgateError `ERR_REQUEST_BODY_TOO_LARGE` when the content is longer than `maxBytes`.
 */
export const requestContent = (source: Readable, maxBytes: number): RequestContent => {
  let bytes = 0;
  let tell: ((whole: boolean) => void) | undefined;
  const ready = (whole: boolean): void => {
    const done = tell;
    tell = undefined;
    done?.(whole);
  };
  const stream = new Readable({
    highWaterMark: BUFFER_BYTES,
    read: () => {
      source.resume();
    },
    destroy: (error, done) => {
      tell = undefined;
      source.off('data', onData);
      source.off('end', onEnd);
      source.off('close', onClose);
      done(error);
    },
  });
  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      stream.destroy(
        new LinkgateError('ERR_REQUEST_BODY_TOO_LARGE', `request body is larger than ${maxBytes} bytes`),
      );
    } else if (!stream.push(chunk)) {
      source.pause();
      ready(false);
    }
  };
  const onEnd = (): void => {
    stream.push(null);
    ready(true);
  };
  // The client left: the end of the exchange has the reason.
  const onClose = (): void => {
    if (!source.readableEnded)
      stream.destroy(new LinkgateError('ERR_REQUEST_MALFORMED', 'request body broke off'));
  };
  source.on('data', onData);
  source.on('end', onEnd);
  source.on('close', onClose);
  source.pause();
  return {
    stream,
    ready: (done) => {
      tell = done;
      stream.read(0);
    },
  };
};

/** How many contents that are still arriving may hold a connection to the tracker at once. */
export interface Uploads {
  /**
   * Calls back when there is room. The place is free again when the content ends or closes. A content that closes while it waits is
   * forgotten.
   * @throws LinkgateError `ERR_UPSTREAM_BUSY` when too many wait already
   */
  enter(content: Readable, go: () => void): void;
}

/** Each content that waits holds a buffer. After this many turns its time (`requestMs`) would be over. */
const WAITING_PER_PLACE = 16;

export const createUploads = (places: number, maxWaiting = places * WAITING_PER_PLACE): Uploads => {
  let free = places;
  const waiting = new Map<Readable, () => void>();
  let isAdmitting = false;
  const leave = (): void => {
    free += 1;
    admit();
  };
  // A loop, no recursion: any number of waiting contents may have closed.
  const admit = (): void => {
    if (isAdmitting) return;
    isAdmitting = true;
    for (const [content, go] of waiting) {
      if (free === 0) break;
      waiting.delete(content);
      if (content.destroyed) continue;
      free -= 1;
      let left = false;
      const once = (): void => {
        if (left) return;
        left = true;
        leave();
      };
      content.once('end', once).once('close', once);
      go();
    }
    isAdmitting = false;
  };
  return {
    enter: (content, go) => {
      if (free === 0 && waiting.size >= maxWaiting)
        throw new LinkgateError('ERR_UPSTREAM_BUSY', `uploads have ${waiting.size} waiting already`);
      waiting.set(content, go);
      content.once('close', () => waiting.delete(content));
      admit();
    },
  };
};
