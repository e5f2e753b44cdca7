// A request's content on its way to the upstream. It stands between the client's stream and undici, which destroys
// what it was given when a request fails: destroying Node's IncomingMessage would cut the client's connection, and
// with it the error page. It counts, too: a length that was announced is believed by nobody.

import { Readable } from 'node:stream';
import { GateError } from '../core/errors.ts';

/** What may wait here of a content; each version of Node has a default of its own. */
const BUFFER_BYTES = 16 * 1024;

export interface RequestContent {
  readonly stream: Readable;
  /**
   * Starts reading and calls back once: `whole` when all of it is here (most forms fit), else when as much waits
   * here as may. A client that sends slowly thus holds no connection to the tracker. Not called when it breaks off.
   */
  ready(done: (whole: boolean) => void): void;
}

/**
 * Reads `source` with back-pressure; never destroys it.
 * Fails with GateError `ERR_REQUEST_BODY_TOO_LARGE` where the content passes `maxBytes`.
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
        new GateError('ERR_REQUEST_BODY_TOO_LARGE', `request body is larger than ${maxBytes} bytes`),
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
  // the client left in the middle: the exchange's own end tells the reason
  const onClose = (): void => {
    if (!source.readableEnded)
      stream.destroy(new GateError('ERR_REQUEST_MALFORMED', 'request body broke off'));
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
  /** calls back when there is room; the returned function gives the place back, once */
  enter(go: (leave: () => void) => void): void;
}

export const createUploads = (places: number): Uploads => {
  let free = places;
  const waiting: ((leave: () => void) => void)[] = [];
  const next = (): void => {
    if (free === 0) return;
    const go = waiting.shift();
    if (go === undefined) return;
    free -= 1;
    let left = false;
    go(() => {
      if (left) return;
      left = true;
      free += 1;
      next();
    });
  };
  return {
    enter: (go) => {
      waiting.push(go);
      next();
    },
  };
};
