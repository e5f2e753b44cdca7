// A stand-in for an OpenTelemetry collector: takes OTLP over HTTP in JSON, and nothing that a real one would refuse
// (opentelemetry-proto 1.x, ExportTraceServiceRequest; ids in hex, numbers of 64 bits as text, unknown fields refused here).

import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import type { Test } from 'tap';

export interface SeenSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly status: { readonly code?: number };
}

export interface Collector {
  readonly url: string;
  readonly spans: readonly SeenSpan[];
  readonly resources: readonly Readonly<Record<string, string | number>>[];
  readonly headers: readonly IncomingMessage['headers'][];
  /** what came and is not OTLP */
  readonly refused: readonly unknown[];
  /** bodies as they came */
  readonly bodies: readonly unknown[];
}

export interface CollectorOptions {
  /** takes the answer over when it returns true */
  readonly answer?: (response: ServerResponse) => boolean;
  readonly tls?: { readonly key: string; readonly cert: string };
}

type Tree = Readonly<Record<string, unknown>>;

const only = (tree: unknown, keys: readonly string[]): Tree => {
  assert(typeof tree === 'object' && tree !== null && !Array.isArray(tree), 'a mapping');
  for (const key of Object.keys(tree)) assert(keys.includes(key), `unknown field ${key}`);
  return tree as Tree;
};

const list = (value: unknown): readonly unknown[] => {
  assert(Array.isArray(value), 'a list');
  return value;
};

const attributes = (value: unknown): Record<string, string | number> =>
  Object.fromEntries(
    list(value).map((one) => {
      const { key, value: any } = only(one, ['key', 'value']);
      const { stringValue, intValue, doubleValue } = only(any, ['stringValue', 'intValue', 'doubleValue']);
      assert.equal(Object.keys(any as Tree).length, 1, 'one kind of value');
      assert(typeof key === 'string' && key !== '');
      if (stringValue !== undefined) assert(typeof stringValue === 'string');
      if (intValue !== undefined)
        assert(typeof intValue === 'string' && /^-?\d+$/.test(intValue), '64 bits are text');
      if (doubleValue !== undefined) assert(typeof doubleValue === 'number');
      return [key, (stringValue as string | undefined) ?? Number(intValue ?? doubleValue)];
    }),
  );

const SPAN = [
  'traceId',
  'spanId',
  'parentSpanId',
  'name',
  'kind',
  'startTimeUnixNano',
  'endTimeUnixNano',
  'attributes',
  'status',
];

const spanOf = (value: unknown): SeenSpan => {
  const span = only(value, SPAN);
  assert.match(String(span['traceId']), /^(?!0+$)[0-9a-f]{32}$/);
  assert.match(String(span['spanId']), /^(?!0+$)[0-9a-f]{16}$/);
  if (span['parentSpanId'] !== undefined) assert.match(String(span['parentSpanId']), /^[0-9a-f]{16}$/);
  for (const key of ['startTimeUnixNano', 'endTimeUnixNano'])
    assert(typeof span[key] === 'string' && /^\d{19}$/.test(span[key]), `${key} is nanoseconds as text`);
  assert(BigInt(String(span['endTimeUnixNano'])) >= BigInt(String(span['startTimeUnixNano'])));
  assert.equal(span['kind'], 2, 'SPAN_KIND_SERVER');
  assert(typeof span['name'] === 'string');
  const status = only(span['status'], ['code']);
  assert([undefined, 1, 2].includes(status['code'] as never));
  return { ...(span as unknown as SeenSpan), attributes: attributes(span['attributes']) };
};

export const collector = async (t: Test, { answer, tls }: CollectorOptions = {}): Promise<Collector> => {
  const spans: SeenSpan[] = [];
  const resources: Record<string, string | number>[] = [];
  const headers: IncomingMessage['headers'][] = [];
  const refused: unknown[] = [];
  const bodies: unknown[] = [];
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    headers.push(request.headers);
    try {
      assert.equal(request.method, 'POST');
      assert.equal(request.url, '/v1/traces');
      assert.equal(request.headers['content-type'], 'application/json');
      const body = await json(request);
      bodies.push(body);
      if (answer?.(response) === true) return;
      for (const one of list(only(body, ['resourceSpans'])['resourceSpans'])) {
        const { resource, scopeSpans } = only(one, ['resource', 'scopeSpans']);
        resources.push(attributes(only(resource, ['attributes'])['attributes']));
        for (const scoped of list(scopeSpans)) {
          const { scope, spans: some } = only(scoped, ['scope', 'spans']);
          assert(typeof only(scope, ['name', 'version'])['name'] === 'string');
          spans.push(...list(some).map(spanOf));
        }
      }
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');
    } catch (error) {
      refused.push(error);
      response.writeHead(400).end();
    }
  };
  const listener = (request: IncomingMessage, response: ServerResponse): void => void take(request, response);
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    spans,
    resources,
    headers,
    refused,
    bodies,
  };
};
