// One request to its upstream: Host is the customer's name, everything else as it came.

import { toLinkgateError } from '../../core/errors.ts';
import { requestContent, type Uploads } from '../http/content.ts';
import type { Exchange } from '../http/exchange.ts';
import type { RequestFields } from './headers.ts';
import { identityFields, type Client } from './identity.ts';
import type { Answer } from './respond.ts';
import type { Route } from './route.ts';
import type { Upstream } from '../upstream/upstream.ts';

export interface ForwardOptions {
  readonly exchange: Exchange;
  readonly route: Route;
  readonly fields: RequestFields;
  readonly client: Client;
  readonly upstream: Upstream;
  readonly answer: Answer;
  readonly bodyBytes: number;
  readonly uploads: Uploads;
}

/**
 * Sends the exchange's request to the upstream; `answer` sees to everything that comes back.
 * A connection to the tracker is taken when there is something to send on it: at once without content, else when the
 * content is here, or when it is large and one of the few places for what still arrives is free.
 * Never throws: what fails is answered.
 */
export const forward = (options: ForwardOptions): void => {
  const { exchange, route, fields, client, upstream, answer, bodyBytes, uploads } = options;
  if (!answer.isOpen()) return;
  const source = exchange.body(fields.hasContent);
  const content =
    source === undefined ? undefined : requestContent(source, fields.contentLength ?? bodyBytes);
  const dispatch = (): void => {
    try {
      upstream.dispatch(
        {
          method: exchange.method,
          target: route.target,
          fields: [
            'Host',
            route.domain.name,
            ...fields.forwarded,
            ...identityFields(client, route.domain.name),
          ],
          body: content?.stream,
        },
        answer,
      );
    } catch (error) {
      content?.stream.destroy();
      answer.fail(toLinkgateError(error));
    }
  };
  answer.start(content?.stream);
  if (content === undefined) {
    dispatch();
    return;
  }
  content.stream.once('error', (error) => answer.fail(toLinkgateError(error)));
  content.ready((whole) => {
    if (whole) {
      dispatch();
      return;
    }
    try {
      uploads.enter(content.stream, dispatch);
    } catch (error) {
      answer.fail(toLinkgateError(error));
    }
  });
};
