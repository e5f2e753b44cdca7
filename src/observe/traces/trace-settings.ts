// The variables of OpenTelemetry that linkgate uses, read once: endpoint, headers, CA, deadline, sampler, names.

import { LinkgateError } from '../../core/errors.ts';

export interface TraceSettings {
  /** the URL that spans are posted to */
  readonly url: URL;
  /** for the collector; they may hold a token and go nowhere else */
  readonly headers: Readonly<Record<string, string>>;
  /** path of PEM certificates that are trusted as well as the roots of the system */
  readonly caFile?: string;
  readonly timeoutMs: number;
  /** share of the requests without a trace that begin one, 0 to 1 */
  readonly ratio: number;
  /** whether the trace of a request decides, where the request has one */
  readonly followsParent: boolean;
  readonly resource: Readonly<Record<string, string>>;
}

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** `key=value,key=value`, values percent-encoded (W3C Baggage without properties) */
const pairs = (text: string | undefined): Record<string, string> =>
  Object.fromEntries(
    (text ?? '').split(',').flatMap((pair) => {
      const at = pair.indexOf('=');
      return at < 1 ? [] : [[pair.slice(0, at).trim(), decode(pair.slice(at + 1).trim())]];
    }),
  );

const SAMPLERS = ['always_on', 'always_off', 'traceidratio'] as const;

const unusable = (name: string, why: string): LinkgateError =>
  new LinkgateError('ERR_CONFIG_INVALID', `environment variable ${name} ${why}`);

const ratioOf = (sampler: string, argument: string | undefined): number => {
  if (sampler === 'always_off') return 0;
  if (sampler === 'always_on') return 1;
  const ratio = Number(argument ?? '1');
  if (ratio >= 0 && ratio <= 1) return ratio;
  throw unusable('OTEL_TRACES_SAMPLER_ARG', 'is not a number from 0 to 1');
};

/**
 * @returns undefined when no endpoint is named
 * @throws LinkgateError `ERR_CONFIG_INVALID` for a value that makes no sense
 */
export const traceSettings = (env: NodeJS.ProcessEnv): TraceSettings | undefined => {
  const endpoint = env['OTEL_EXPORTER_OTLP_ENDPOINT'] ?? '';
  if (endpoint === '' || env['OTEL_SDK_DISABLED'] === 'true') return undefined;
  if (!URL.canParse(endpoint) || !/^https?:\/\//.test(endpoint))
    throw unusable('OTEL_EXPORTER_OTLP_ENDPOINT', 'is no http or https URL');
  const protocol = env['OTEL_EXPORTER_OTLP_PROTOCOL'] ?? '';
  if (protocol === 'grpc')
    throw unusable('OTEL_EXPORTER_OTLP_PROTOCOL', 'is grpc: use http, by default on port 4318');
  const url = new URL(endpoint);
  url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/traces`;
  const sampler = env['OTEL_TRACES_SAMPLER'] ?? '';
  const word = (sampler === '' ? 'parentbased_always_on' : sampler).replace(/^parentbased_/, '');
  const known = SAMPLERS.find((one) => one === word);
  if (known === undefined) throw unusable('OTEL_TRACES_SAMPLER', `is none of ${SAMPLERS.join(', ')}`);
  const timeoutMs = Number(env['OTEL_EXPORTER_OTLP_TIMEOUT'] ?? '10000');
  const caFile = env['OTEL_EXPORTER_OTLP_CERTIFICATE'] ?? '';
  const name = env['OTEL_SERVICE_NAME'] ?? '';
  return {
    url,
    headers: pairs(env['OTEL_EXPORTER_OTLP_HEADERS']),
    ...(caFile === '' ? {} : { caFile }),
    timeoutMs: timeoutMs >= 1 && timeoutMs <= 60_000 ? timeoutMs : 10_000,
    ratio: ratioOf(known, env['OTEL_TRACES_SAMPLER_ARG']),
    followsParent: sampler === '' || sampler.startsWith('parentbased_'),
    resource: {
      'service.name': 'linkgate',
      ...pairs(env['OTEL_RESOURCE_ATTRIBUTES']),
      ...(name === '' ? {} : { 'service.name': name }),
    },
  };
};
