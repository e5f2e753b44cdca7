// One request to its upstream: Host is the customer's name, everything else as it came, nothing sent twice.

import { pipeline, Transform, type Readable } from 'node:stream';
import { GateError, toGateError } from '../core/errors.ts';
import type { Exchange } from './exchange.ts';
import { identityFields, type RequestFields } from './headers.ts';
import { LIMITS } from './limits.ts';
import type { Answer } from './respond.ts';
import type { Route } from './route.ts';
import type { Upstream } from './upstream.ts';

/** A body of unknown length, cut with `ERR_REQUEST_BODY_TOO_LARGE` where it passes the limit. */
const limited = (body: Readable, maxBytes: number): Readable => {
  let bytes = 0;
  const counter = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      bytes += chunk.length;
      if (bytes <= maxBytes) done(null, chunk);
      else done(new GateError('ERR_REQUEST_BODY_TOO_LARGE', `request body is larger than ${maxBytes} bytes`));
    },
  });
  // errors of either side end both; undici hears of them from the counter
  pipeline(body, counter, () => undefined);
  return counter;
};

/**
 * Sends the exchange's request to the upstream; `answer` sees to everything that comes back.
 * Never throws: what fails is answered.
 */
export const forward = (
  exchange: Exchange,
  { domain, target }: Route,
  fields: RequestFields,
  upstream: Upstream,
  answer: Answer,
): void => {
  const content = exchange.body(fields.hasContent);
  const body =
    content === undefined || fields.contentLength !== undefined
      ? content
      : limited(content, LIMITS.bodyBytes);
  answer.start();
  try {
    upstream.dispatch(
      {
        method: exchange.method,
        target,
        fields: [
          'Host',
          domain.name,
          ...fields.forwarded,
          ...identityFields(exchange.peerAddress, exchange.listener, domain.name),
        ],
        body,
      },
      answer,
    );
  } catch (error) {
    answer.fail(toGateError(error));
  }
};
