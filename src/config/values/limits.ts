// `limits:` of the configuration ↔ `limits` of the settings, by one table. The defaults are those of src/serve/limits.ts.

import type { Limits } from '../../core/settings.ts';
import { durationMs, formatDuration, formatSize, sizeBytes } from '../../core/text/units.ts';

/** Key of the configuration → field of the settings. */
const FIELDS = {
  headerSize: 'headerBytes',
  headerFields: 'headerFields',
  bodySize: 'bodyBytes',
  tlsHandshakeTime: 'tlsHandshakeMs',
  headerTime: 'headersMs',
  requestTime: 'requestMs',
  keepAlive: 'keepAliveMs',
  writeIdle: 'writeIdleMs',
  requestsPerConnection: 'requestsPerConnection',
  connections: 'connections',
  connectionsPerAddress: 'connectionsPerAddress',
  http2Streams: 'http2Streams',
  http2ResetBurst: 'http2ResetBurst',
  http2ResetsPerSecond: 'http2ResetsPerSecond',
  upstreamQueue: 'upstreamQueue',
} as const satisfies Readonly<Record<string, keyof Limits>>;

export type LimitKey = keyof typeof FIELDS;

const isKey = (key: string): key is LimitKey => Object.hasOwn(FIELDS, key);

/** The limits that the configuration changes, as a part of Settings. */
export const limitsOf = (
  written: Readonly<Record<string, string | number | undefined>>,
): { readonly limits?: Partial<Limits> } => {
  const limits: { -readonly [K in keyof Limits]?: number } = {};
  for (const [key, value] of Object.entries(written)) {
    if (value === undefined || !isKey(key)) continue;
    const number = typeof value === 'number' ? value : (durationMs(value) ?? sizeBytes(value));
    if (number !== undefined) limits[FIELDS[key]] = number;
  }
  return Object.keys(limits).length === 0 ? {} : { limits };
};

const spell = (field: keyof Limits, value: number): string | number => {
  if (field.endsWith('Ms')) return formatDuration(value);
  return field.endsWith('Bytes') ? formatSize(value) : value;
};

/** The same in the words of the configuration. */
export const limitsTree = (limits: Partial<Limits>): Readonly<Record<string, string | number>> =>
  Object.fromEntries(
    Object.entries(FIELDS).flatMap(([key, field]) => {
      const value = limits[field];
      return value === undefined ? [] : [[key, spell(field, value)]];
    }),
  );
