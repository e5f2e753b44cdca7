// A request's content on its way to the upstream. It stands between the client's stream and undici, which destroys
// what it was given when a request fails: destroying Node's IncomingMessage would cut the client's connection, and
// with it the error page. It counts, too: a length that was announced is believed by nobody.

import { Readable } from 'node:stream';
import { GateError } from '../core/errors.ts';

/**
 * Reads `source` with back-pressure; never destroys it.
 * Fails with GateError `ERR_REQUEST_BODY_TOO_LARGE` where the content passes `maxBytes`.
 */
export const requestContent = (source: Readable, maxBytes: number): Readable => {
  let bytes = 0;
  const content = new Readable({
    read: () => {
      source.resume();
    },
    destroy: (error, done) => {
      source.off('data', onData);
      source.off('end', onEnd);
      source.off('close', onClose);
      done(error);
    },
  });
  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      content.destroy(
        new GateError('ERR_REQUEST_BODY_TOO_LARGE', `request body is larger than ${maxBytes} bytes`),
      );
    } else if (!content.push(chunk)) {
      source.pause();
    }
  };
  const onEnd = (): void => {
    content.push(null);
  };
  // the client left in the middle: the exchange's own end tells the reason
  const onClose = (): void => {
    if (!source.readableEnded)
      content.destroy(new GateError('ERR_REQUEST_MALFORMED', 'request body broke off'));
  };
  source.on('data', onData);
  source.on('end', onEnd);
  source.on('close', onClose);
  source.pause();
  return content;
};
