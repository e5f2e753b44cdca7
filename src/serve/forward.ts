// One request to its upstream: Host is the customer's name, everything else as it came.

import type { Readable } from 'node:stream';
import { toGateError } from '../core/errors.ts';
import { requestContent } from './content.ts';
import type { Exchange } from './exchange.ts';
import type { RequestFields } from './headers.ts';
import { identityFields, type Client } from './identity.ts';
import type { Answer } from './respond.ts';
import type { Route } from './route.ts';
import type { Upstream } from './upstream.ts';

export interface ForwardOptions {
  readonly exchange: Exchange;
  readonly route: Route;
  readonly fields: RequestFields;
  readonly client: Client;
  readonly upstream: Upstream;
  readonly answer: Answer;
  readonly bodyBytes: number;
}

/**
 * Sends the exchange's request to the upstream; `answer` sees to everything that comes back.
 * Never throws: what fails is answered.
 */
export const forward = (options: ForwardOptions): void => {
  const { exchange, route, fields, client, upstream, answer, bodyBytes } = options;
  let content: Readable | undefined;
  if (!answer.isOpen()) return;
  try {
    const source = exchange.body(fields.hasContent);
    content = source === undefined ? undefined : requestContent(source, fields.contentLength ?? bodyBytes);
    answer.start(content);
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
        body: content,
      },
      answer,
    );
  } catch (error) {
    content?.destroy();
    answer.fail(toGateError(error));
  }
};
