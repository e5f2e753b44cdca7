import t from 'tap';
import { traceSettings } from '../../../src/observe/traces/trace-settings.ts';

const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://127.0.0.1:4318';

t.test('nothing without an endpoint', async (t) => {
  t.equal(traceSettings({}), undefined);
  t.equal(traceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: '' }), undefined);
  t.equal(traceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SDK_DISABLED: 'true' }), undefined);
});

t.test('the defaults, and each of the others', async (t) => {
  const plain = traceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT });
  t.equal(plain?.url.href, 'http://127.0.0.1:4318/v1/traces');
  t.match(plain, {
    headers: {},
    timeoutMs: 10_000,
    ratio: 1,
    followsParent: true,
    resource: { 'service.name': 'linkgate' },
  });
  const full = traceSettings({
    OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.example/otlp/',
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20x, tenant=a',
    OTEL_EXPORTER_OTLP_CERTIFICATE: '/etc/ca.pem',
    OTEL_EXPORTER_OTLP_TIMEOUT: '2000',
    OTEL_TRACES_SAMPLER: 'traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.25',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=prod,service.name=x',
    OTEL_SERVICE_NAME: 'links',
  });
  t.equal(full?.url.href, 'https://collector.example/otlp/v1/traces');
  t.match(full, {
    headers: { authorization: 'Bearer x', tenant: 'a' },
    caFile: '/etc/ca.pem',
    timeoutMs: 2_000,
    ratio: 0.25,
    followsParent: false,
    resource: { 'service.name': 'links', 'deployment.environment': 'prod' },
  });
  t.match(traceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER: 'parentbased_always_off' }), {
    ratio: 0,
    followsParent: true,
  });
});

t.test('what cannot be meant is told', async (t) => {
  for (const env of [
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' },
    { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
    { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER: 'jaeger' },
    { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '2' },
  ])
    t.throws(() => traceSettings(env), {
      code: 'ERR_CONFIG_INVALID',
      message: /^environment variable OTEL_/,
    });
});
