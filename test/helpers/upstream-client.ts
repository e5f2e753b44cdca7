// The upstream module as a test uses it: one request and what became of it.

import type { Readable } from 'node:stream';
import type { Test } from 'tap';
import type { Emit } from '../../src/core/events.ts';
import type { Limits, UpstreamUse } from '../../src/core/settings.ts';
import { withDefaults } from '../../src/serve/limits.ts';
import { createUpstream, type Upstream, type UpstreamControl } from '../../src/serve/upstream/upstream.ts';
import type { Tracker } from './tracker.ts';

export type Target = Pick<Tracker, 'url' | 'serverName' | 'caPem'>;

export interface UpstreamOptions {
  readonly use?: Partial<UpstreamUse>;
  readonly limits?: Partial<Limits>;
  readonly emit?: Emit;
}

export const upstreamTo = (
  t: Test,
  target: Target,
  { use, limits, emit }: UpstreamOptions = {},
): Upstream => {
  const upstream = createUpstream(
    { id: 'us', origin: target.url, serverName: target.serverName, caPem: target.caPem },
    { connectTimeoutMs: 20_000, responseTimeoutMs: 2_000, maxConnections: 4, ...use },
    withDefaults(limits),
    emit === undefined ? {} : { emit },
  );
  t.teardown(() => upstream.destroy());
  return upstream;
};

export interface Got {
  status: number;
  fields: readonly string[];
  body: string;
  trailers: readonly string[];
  informed: number[];
  /** none: it came to its end */
  error: (Error & { code?: string }) | undefined;
}

export interface SendOptions {
  readonly method?: string;
  readonly body?: Readable;
  readonly isWhole?: boolean;
  readonly target?: string;
  readonly fields?: readonly string[];
  readonly onControl?: (control: UpstreamControl) => void;
  /** false pauses */
  readonly onData?: (chunk: Buffer) => boolean;
}

/** Sends one request; rejects when it is refused at once. */
export const send = (upstream: Upstream, host: string, options: SendOptions = {}): Promise<Got> =>
  new Promise((resolve) => {
    const { method = 'GET', body, isWhole = false, target = '/', fields = [] } = options;
    const got: Got = { status: 0, fields: [], body: '', trailers: [], informed: [], error: undefined };
    upstream.dispatch(
      { method, target, fields: ['Host', host, ...fields], body, isWhole },
      {
        onControl: options.onControl ?? (() => undefined),
        onInform: (status) => got.informed.push(status),
        onHead: (status, _reason, all) => {
          got.status = status;
          got.fields = all;
        },
        onData: (chunk) => {
          got.body += chunk.toString('latin1');
          return options.onData?.(chunk) ?? true;
        },
        onEnd: (trailers) => resolve({ ...got, trailers }),
        onError: (error) => resolve({ ...got, error }),
      },
    );
  });
