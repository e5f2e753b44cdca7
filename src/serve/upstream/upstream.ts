// The connections to one tracker: one set per upstream, whatever the number of customers. Verified TLS under the
// upstream's own name; the customer's name goes in Host only. Nothing else in the program connects to a tracker.

import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { Client } from 'undici';
import { LinkgateError } from '../../core/errors.ts';
import type { Limits, UpstreamId, UpstreamSettings, UpstreamUse } from '../../core/settings.ts';
import { trustedRoots } from '../../core/platform/trusted-roots.ts';
import type { UpstreamContact } from '../../core/upstream-contact.ts';
import { Attempt, type ResponseListener, type UpstreamRequest } from './attempt.ts';
import { createUpstreamConnect, type UpstreamConnect, type UpstreamDeps } from './connect.ts';
import { Slot } from './slot.ts';

export type { ResponseListener, UpstreamControl, UpstreamRequest } from './attempt.ts';

export interface Upstream {
  readonly id: UpstreamId;
  readonly responseTimeoutMs: number;
  /**
   * Sends one request. `listener` hears of everything that follows, `onControl` before this call returns.
   * @throws LinkgateError `ERR_UPSTREAM_BUSY` when every connection is taken and the queue is full
   */
  dispatch(request: UpstreamRequest, listener: ResponseListener): void;
  /** requests on a connection, requests waiting for one, connections that are open, of them the unused */
  counts(): {
    readonly active: number;
    readonly waiting: number;
    readonly open: number;
    readonly idle: number;
  };
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
  readonly #options: TrackerOptions;
  readonly #slots = new Set<Slot>();
  /** last used, first taken: under little load the others become idle and close */
  readonly #idle: Slot[] = [];
  /** each with when it began to wait */
  readonly #waiting = new Map<Attempt<Slot>, number>();
  readonly #leaving = new Set<Client>();
  #isDestroyed = false;

  readonly #release = (slot: Slot): void => {
    const [next] = this.#waiting.keys();
    if (next === undefined) {
      this.#idle.push(slot);
      return;
    }
    this.#leaveQueue(next);
    // not from inside undici's own callback
    setImmediate(() => slot.run(next));
  };

  /** Sends a request once more, on a new connection. */
  readonly #again = (attempt: Attempt<Slot>, slot: Slot): void => {
    setImmediate(() => {
      slot.renew(true);
      slot.run(attempt);
    });
  };

  constructor(options: TrackerOptions) {
    this.#options = options;
    this.id = options.settings.id;
    this.responseTimeoutMs = options.use.responseTimeoutMs;
  }

  dispatch(request: UpstreamRequest, listener: ResponseListener): void {
    const { use, limits } = this.#options;
    if (this.#isDestroyed) throw new LinkgateError('ERR_UPSTREAM_BUSY', `upstream "${this.id}" is closing`);
    const attempt = new Attempt<Slot>({ request, listener, release: this.#release, again: this.#again });
    const slot = this.#takeSlot();
    if (slot !== undefined) {
      listener.onControl(attempt);
      slot.run(attempt);
      return;
    }
    if (this.#waiting.size >= limits.upstreamQueue) {
      const all = use.maxConnections + this.#waiting.size;
      throw new LinkgateError('ERR_UPSTREAM_BUSY', `upstream "${this.id}" has ${all} requests under way`);
    }
    attempt.leaveQueue = () => this.#leaveQueue(attempt);
    this.#waiting.set(attempt, performance.now());
    listener.onControl(attempt);
  }

  counts(): ReturnType<Upstream['counts']> {
    return {
      active: this.#slots.size - this.#idle.length,
      waiting: this.#waiting.size,
      open: [...this.#slots].filter((slot) => slot.isConnected()).length,
      idle: this.#idle.filter((slot) => slot.isConnected()).length,
    };
  }

  contact(): UpstreamContact {
    return this.#options.connector.contact();
  }

  async destroy(): Promise<void> {
    this.#isDestroyed = true;
    this.#options.connector.close();
    for (const attempt of this.#waiting.keys()) attempt.onError(new Error('upstream is closing'));
    this.#waiting.clear();
    await Promise.all([...this.#slots, ...this.#leaving].map((each) => each.destroy()));
  }

  #takeSlot(): Slot | undefined {
    const slot = this.#idle.pop();
    const { settings, use, limits, connector } = this.#options;
    if (slot !== undefined || this.#slots.size >= use.maxConnections) return slot;
    const fresh = new Slot({ settings, limits, connector, leaving: this.#leaving });
    this.#slots.add(fresh);
    return fresh;
  }

  #leaveQueue(attempt: Attempt<Slot>): void {
    const sinceMs = this.#waiting.get(attempt);
    if (sinceMs === undefined) return;
    this.#waiting.delete(attempt);
    this.#options.emit?.('upstream.waited', { upstream: this.id, waitMs: performance.now() - sinceMs });
  }
}

/** @throws the error of node:fs or node:tls when the settings' caFile cannot be read */
export const createUpstream = (
  settings: UpstreamSettings,
  use: UpstreamUse,
  limits: Limits,
  deps: UpstreamDeps = {},
): Upstream => {
  const caPem = settings.caFile === undefined ? undefined : readFileSync(settings.caFile, 'utf8');
  const connector = createUpstreamConnect({
    settings,
    timeoutMs: use.connectTimeoutMs,
    secureContext: createSecureContext({ ca: trustedRoots(caPem), minVersion: 'TLSv1.2' }),
    ...deps,
  });
  return new Tracker({ settings, use, limits, emit: deps.emit, connector });
};
