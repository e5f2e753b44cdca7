// Sends one request to its upstream: Host is the customer's name, everything else is unchanged.

import { toLinkgateError } from '../../core/errors.ts';
import { requestContent, type Uploads } from '../http/content.ts';
import type { Exchange } from '../http/exchange.ts';
import type { RequestFields } from './headers.ts';
import { identityFields, type Client } from './identity.ts';
import type { Responder } from './respond.ts';
import type { Route } from './route.ts';
import type { Upstream } from '../upstream/upstream.ts';

export interface ForwardOptions {
  readonly exchange: Exchange;
  readonly route: Route;
  readonly fields: RequestFields;
  readonly client: Client;
  readonly upstream: Upstream;
  readonly responder: Responder;
  readonly bodyBytes: number;
  readonly uploads: Uploads;
}

/**
 * Sends the exchange's request to the upstream; `responder` handles everything that comes back.
 * The request takes a connection to the tracker when there is something to send: at once without content, else when the whole
 * content has arrived, or when the content is large and one of the few places for unfinished contents is free.
 * Never throws: what fails becomes a response.
 */
export const forward = (options: ForwardOptions): void => {
  const { exchange, route, fields, client, upstream, responder, bodyBytes, uploads } = options;
  if (!responder.isOpen()) return;
  const source = exchange.body(fields.hasContent);
  const content =
    source === undefined ? undefined : requestContent(source, fields.contentLength ?? bodyBytes);
  const dispatch = (isWhole: boolean): void => {
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
          isWhole,
        },
        responder,
      );
    } catch (error) {
      content?.stream.destroy();
      responder.fail(toLinkgateError(error));
    }
  };
  responder.start(content?.stream);
  if (content === undefined) {
    dispatch(true);
    return;
  }
  content.stream.once('error', (error) => responder.fail(toLinkgateError(error)));
  content.ready((whole) => {
    if (whole) {
      dispatch(true);
      return;
    }
    try {
      uploads.enter(content.stream, () => dispatch(false));
    } catch (error) {
      responder.fail(toLinkgateError(error));
    }
  });
};
