// The pools to the trackers: one per upstream, whatever the number of customers. Verified TLS under the upstream's
// own name; the customer's name goes in Host only. Nothing else in the program opens a connection to a tracker.

import { createSecureContext } from 'node:tls';
import type { Readable } from 'node:stream';
import { Pool, type Dispatcher } from 'undici';
import { GateError } from '../core/errors.ts';
import type { UpstreamId, UpstreamSettings, UpstreamUse } from '../core/settings.ts';
import { trustedRoots } from '../core/trusted-roots.ts';
import { LIMITS } from './limits.ts';

export interface UpstreamRequest {
  readonly method: string;
  readonly target: string;
  /** flat list, Host among them */
  readonly fields: string[];
  readonly body: Readable | undefined;
}

/** A handler that also says when nothing more will follow, whatever the outcome. */
export interface UpstreamHandler extends Dispatcher.DispatchHandler {
  onSettled: (() => void) | undefined;
}

export interface Upstream {
  readonly id: UpstreamId;
  readonly responseTimeoutMs: number;
  /**
   * Sends one request, once. The handler hears of everything that follows.
   * @throws GateError `ERR_UPSTREAM_BUSY` when every connection is taken and the queue is full
   */
  dispatch(request: UpstreamRequest, handler: UpstreamHandler): void;
  /** lets requests in flight finish, then closes */
  close(): Promise<void>;
  /** cuts what is in flight */
  destroy(): Promise<void>;
}

/** @throws the error of node:fs or node:tls when the settings' caFile cannot be read */
export const createUpstream = (settings: UpstreamSettings, use: UpstreamUse): Upstream => {
  const pool = new Pool(settings.origin, {
    connections: use.maxConnections,
    pipelining: 1,
    // ours, in respond.ts: it covers the wait for a connection too
    headersTimeout: 0,
    bodyTimeout: LIMITS.upstreamBodyMs,
    keepAliveTimeout: LIMITS.upstreamKeepAliveMs,
    keepAliveMaxTimeout: LIMITS.upstreamKeepAliveMs,
    // a connection this old is replaced, so that a changed DNS record is followed
    clientTtl: LIMITS.upstreamConnectionMs,
    autoSelectFamily: true,
    connect: {
      timeout: use.connectTimeoutMs,
      servername: settings.serverName,
      // made once: given as `ca`, 150 roots would be parsed again for each connection
      secureContext: createSecureContext({ ca: trustedRoots(settings.caFile), minVersion: 'TLSv1.2' }),
    },
  });
  const ceiling = use.maxConnections + LIMITS.upstreamQueue;
  let underWay = 0;
  const settled = (): void => {
    underWay -= 1;
  };
  return {
    id: settings.id,
    responseTimeoutMs: use.responseTimeoutMs,
    dispatch: ({ method, target, fields, body }, handler) => {
      if (underWay >= ceiling) {
        throw new GateError(
          'ERR_UPSTREAM_BUSY',
          `upstream "${settings.id}" has ${ceiling} requests under way`,
        );
      }
      underWay += 1;
      handler.onSettled = settled;
      const options = {
        method: method as Dispatcher.HttpMethod,
        path: target,
        headers: fields,
        body: body ?? null,
        // undici would take the TLS name from Host, and open connections per customer
        servername: settings.serverName,
      };
      pool.dispatch(options, handler);
    },
    close: () => pool.close(),
    destroy: () => pool.destroy(),
  };
};
