// The least of an OpenTelemetry collector: takes what it is sent and counts the spans (OTLP over HTTP, in JSON).

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface TraceSink {
  readonly url: string;
  spans(): number;
  close(): void;
}

export const startTraceSink = async (): Promise<TraceSink> => {
  let spans = 0;
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      spans += body.match(/"spanId"/g)?.length ?? 0;
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: () => spans,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
};
