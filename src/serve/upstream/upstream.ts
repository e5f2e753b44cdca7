// The connections to one tracker: one set per upstream, whatever the number of customers. Verified TLS under the
// upstream's own name; the customer's name goes in Host only. Nothing else in the program connects to a tracker.

import { createSecureContext } from 'node:tls';
import { LinkgateError } from '../../core/errors.ts';
import type { Limits, UpstreamId, UpstreamSettings, UpstreamUse } from '../../core/settings.ts';
import { trustedRoots } from '../../core/platform/trusted-roots.ts';
import type { UpstreamContact } from '../../core/upstream-contact.ts';
import { Attempt, type ResponseListener } from './attempt.ts';
import { createUpstreamConnect, type UpstreamConnect, type UpstreamDeps } from './connect.ts';
import { Pool, type PoolCounts } from './pool.ts';
import type { UpstreamRequest } from './request-content.ts';

export type { ResponseListener, UpstreamControl } from './attempt.ts';
export type { UpstreamRequest } from './request-content.ts';

export interface Upstream {
  readonly id: UpstreamId;
  readonly responseTimeoutMs: number;
  /**
   * Sends one request. `listener` hears of everything that follows, `onControl` before this call returns.
   * @throws LinkgateError `ERR_UPSTREAM_BUSY` when every connection is taken and the queue is full
   */
  dispatch(request: UpstreamRequest, listener: ResponseListener): void;
  counts(): PoolCounts;
  contact(): UpstreamContact;
  /** cuts what is in flight */
  destroy(): Promise<void>;
}

interface TrackerOptions {
  readonly settings: UpstreamSettings;
  readonly use: UpstreamUse;
  readonly limits: Limits;
  readonly emit: UpstreamDeps['emit'];
  readonly connector: UpstreamConnect;
}

class Tracker implements Upstream {
  readonly id: UpstreamId;
  readonly responseTimeoutMs: number;
  readonly #connector: UpstreamConnect;
  readonly #pool: Pool;
  /** requests on a connection or waiting for one, all together */
  readonly #most: number;
  #isDestroyed = false;

  constructor({ settings, use, limits, emit, connector }: TrackerOptions) {
    this.id = settings.id;
    this.responseTimeoutMs = use.responseTimeoutMs;
    this.#connector = connector;
    this.#most = use.maxConnections + limits.upstreamQueue;
    const onWaited = (waitMs: number): void => emit?.('upstream.waited', { upstream: settings.id, waitMs });
    this.#pool = new Pool({ use, limits, connector, onWaited });
  }

  dispatch(request: UpstreamRequest, listener: ResponseListener): void {
    if (this.#isDestroyed) throw new LinkgateError('ERR_UPSTREAM_BUSY', `upstream "${this.id}" is closing`);
    const { underWay } = this.#pool;
    if (underWay >= this.#most)
      throw new LinkgateError(
        'ERR_UPSTREAM_BUSY',
        `upstream "${this.id}" has ${underWay} requests under way`,
      );
    this.#pool.take(new Attempt(request, listener, this.#pool));
  }

  counts(): PoolCounts {
    return this.#pool.counts();
  }

  contact(): UpstreamContact {
    return this.#connector.contact();
  }

  async destroy(): Promise<void> {
    this.#isDestroyed = true;
    this.#connector.close();
    await this.#pool.destroy();
  }
}

/** @throws the error of node:tls when the certificates of the settings cannot be used */
export const createUpstream = (
  settings: UpstreamSettings,
  use: UpstreamUse,
  limits: Limits,
  deps: UpstreamDeps = {},
): Upstream => {
  const connector = createUpstreamConnect({
    settings,
    timeoutMs: use.connectTimeoutMs,
    secureContext: createSecureContext({ ca: trustedRoots(settings.caPem), minVersion: 'TLSv1.2' }),
    ...deps,
  });
  return new Tracker({ settings, use, limits, emit: deps.emit, connector });
};
