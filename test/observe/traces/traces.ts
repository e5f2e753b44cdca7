// Spans on their way to a collector: what it gets, and what becomes of those that it does not take.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemClock } from '../../../src/core/platform/clock.ts';
import { createEventBus, type Events } from '../../../src/core/events.ts';
import { traceSettings } from '../../../src/observe/traces/trace-settings.ts';
import { createTraces } from '../../../src/observe/traces/traces.ts';
import { collector } from '../../helpers/collector.ts';
import { EVERY_EVENT } from '../../helpers/every-event.ts';
import { sharedPki } from '../../helpers/pki.ts';
import { tempDir } from '../../helpers/temp-dir.ts';
import { until } from '../../helpers/until.ts';

const SENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const click: Events['request.completed'] = { ...EVERY_EVENT['request.completed'], traceparent: undefined };

const start = (t: Test, env: NodeJS.ProcessEnv, everyMs = 20, random = () => 0.5) => {
  const failed: Events['traces.failed'][] = [];
  const bus = createEventBus((_, error) => {
    throw error;
  });
  bus.on('traces.failed', (event) => void failed.push(event));
  const settings = traceSettings(env);
  if (settings === undefined) throw new Error('no endpoint');
  const traces = createTraces({ settings, events: bus, emit: bus.emit, clock: systemClock, everyMs, random });
  t.teardown(() => traces.stop());
  const clicks = (count: number, more: Partial<Events['request.completed']> = {}): void => {
    for (let i = 0; i < count; i += 1) bus.emit('request.completed', { ...click, ...more });
  };
  return { traces, clicks, failed };
};

t.test('a collector gets what it understands, and no path', async (t) => {
  const seen = await collector(t);
  const { clicks } = start(t, {
    OTEL_EXPORTER_OTLP_ENDPOINT: seen.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'api-key=abc',
  });
  clicks(1, { traceparent: SENT });
  clicks(1, { traceparent: SENT.replace(/01$/, '00') });
  clicks(1, { status: 504, errorCode: 'ERR_UPSTREAM_TIMEOUT', domain: 'b.example' });
  await until('they are there', () => seen.spans.length === 2);
  t.strictSame(seen.refused, []);
  t.match(seen.resources[0], { 'service.name': 'linkgate', 'service.version': /^\d/ });
  t.match(seen.headers[0], { 'api-key': 'abc' });
  const [followed, begun] = seen.spans;
  t.match(followed, {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    parentSpanId: 'b7ad6b7169203331',
    name: 'GET click',
    attributes: {
      'http.request.method': 'GET',
      'http.response.status_code': 302,
      'server.address': 'a.example',
      'linkgate.kind': 'click',
      'linkgate.request_id': 'i',
    },
  });
  t.match(begun, {
    status: { code: 2 },
    attributes: { 'server.address': 'b.example', 'error.type': 'ERR_UPSTREAM_TIMEOUT' },
  });
  t.equal(begun?.parentSpanId, undefined);
  t.notMatch(JSON.stringify(seen.bodies), 'MARKER', 'no path');
});

t.test('a share of them, and what waits is sent at the end', async (t) => {
  const seen = await collector(t);
  let turn = 0;
  const random = (): number => (turn++ % 10) / 10;
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: seen.url,
    OTEL_TRACES_SAMPLER: 'traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.3',
  };
  const { traces, clicks } = start(t, env, 60_000, random);
  clicks(100);
  await traces.stop();
  t.equal(seen.spans.length, 30);
  clicks(10);
  await traces.stop();
  t.equal(seen.spans.length, 30, 'nothing is heard any more');
});

t.test('a collector that does not answer: bounded, dropped, told, and nobody waits', async (t) => {
  const seen = await collector(t, { answer: () => true });
  const { clicks, failed } = start(t, {
    OTEL_EXPORTER_OTLP_ENDPOINT: seen.url,
    // its time begins before the other clicks do, which are work too
    OTEL_EXPORTER_OTLP_TIMEOUT: '5000',
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20secret-token',
  });
  clicks(5_000);
  const [first] = await until('it is told', () => failed.length > 0 && failed);
  t.strictSame(
    first,
    { cause: 'collector took longer than 5000 ms', lost: 5_000 - 2_048 },
    'of 512 on their way and 2048 that wait none is more',
  );
  t.equal(seen.headers.length, 1, 'and it is left alone for a while');
  t.notMatch(JSON.stringify(failed), 'secret-token');
});

t.test('one that refuses, one that is not there, one that answers without end', async (t) => {
  const refuses = await collector(t, { answer: (response) => response.writeHead(503).end() !== undefined });
  const endless = await collector(t, {
    answer: (response) => {
      const more = (): void => {
        if (response.write('x'.repeat(65_536))) setImmediate(more);
        else response.once('drain', more);
      };
      response.writeHead(500);
      more();
      return true;
    },
  });
  for (const [url, cause] of [
    [refuses.url, /answered 503/],
    [endless.url, /answered 500/],
    ['http://127.0.0.1:9', /ECONNREFUSED/],
  ] as const) {
    const { clicks, failed } = start(t, { OTEL_EXPORTER_OTLP_ENDPOINT: url });
    clicks(3);
    const [first] = await until('it is told', () => failed.length > 0 && failed);
    t.match(first, { cause, lost: 3 });
  }
});

t.test('over TLS the collector is verified', async (t) => {
  const pki = sharedPki('collector');
  const { keyPem, chainPem } = pki.leaf(['127.0.0.1', 'localhost']);
  const seen = await collector(t, { tls: { key: keyPem, cert: chainPem } });
  const endpoint = seen.url.replace('127.0.0.1', 'localhost');
  const strange = start(t, { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint });
  strange.clicks(1);
  await until('it is refused', () => strange.failed.length > 0);
  t.equal(seen.headers.length, 0);
  const caFile = join(tempDir(t), 'ca.pem');
  writeFileSync(caFile, pki.rootPem);
  const { clicks } = start(t, {
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_CERTIFICATE: caFile,
  });
  clicks(1);
  await until('it is taken', () => seen.spans.length === 1);
});
