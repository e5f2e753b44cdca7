// The connections to one tracker: one set per upstream, whatever the number of customers. Verified TLS under the
// upstream's own name; the customer's name goes in Host only. Nothing else in the program connects to a tracker.

import type { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { Client, type buildConnector, type Dispatcher } from 'undici';
import { LinkgateError } from '../../core/errors.ts';
import type { Limits, UpstreamId, UpstreamSettings, UpstreamUse } from '../../core/settings.ts';
import { trustedRoots } from '../../core/platform/trusted-roots.ts';
import type { UpstreamContact } from '../../core/upstream-contact.ts';
import { Attempt, type AttemptSlot, type UpstreamResponse, type UpstreamRequest } from './attempt.ts';
import { createUpstreamConnect, type Connected, type UpstreamDeps } from './connect.ts';
import { pauseReads, type ReadPause } from './pause.ts';

export type { UpstreamResponse, UpstreamControl, UpstreamRequest } from './attempt.ts';

export interface Upstream {
  readonly id: UpstreamId;
  readonly responseTimeoutMs: number;
  /**
   * Sends one request. `answer` hears of everything that follows, `onControl` before this call returns.
   * @throws LinkgateError `ERR_UPSTREAM_BUSY` when every connection is taken and the queue is full
   */
  dispatch(request: UpstreamRequest, answer: UpstreamResponse): void;
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

/** One connection at a time, opened when first needed and again when it was lost. */
interface Slot extends AttemptSlot {
  client: Client;
  connected: boolean;
  connectedMs: number;
  address: string;
}

const MAX_ANSWER_HEADER_BYTES = 64 * 1024;

/** @throws the error of node:fs or node:tls when the settings' caFile cannot be read */
export const createUpstream = (
  settings: UpstreamSettings,
  use: UpstreamUse,
  limits: Limits,
  deps: UpstreamDeps = {},
): Upstream => {
  const { serverName } = settings;
  const caPem = settings.caFile === undefined ? undefined : readFileSync(settings.caFile, 'utf8');
  const connector = createUpstreamConnect({
    settings,
    timeoutMs: use.connectTimeoutMs,
    secureContext: createSecureContext({ ca: trustedRoots(caPem), minVersion: 'TLSv1.2' }),
    ...deps,
  });

  /** undici's own Pool is not used: it queues without bound and tells nobody which connection a request is on. */
  const newClient = (slot: () => Slot): Client => {
    let address = '';
    let pause: ReadPause | undefined;
    const connect = async (_where: unknown, done: buildConnector.Callback): Promise<void> => {
      let connected: Connected;
      try {
        connected = await connector.connect();
      } catch (error) {
        done(error as Error, null);
        return;
      }
      ({ address } = connected);
      pause = pauseReads(connected.socket);
      done(null, connected.socket);
    };
    const client = new Client(settings.origin, {
      connect: (where, done) => void connect(where, done),
      pipelining: 1,
      // ours, in serve/request/respond.ts: they cover the wait for a connection too, and cost no timer for each request
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: limits.upstreamIdleMs,
      keepAliveMaxTimeout: limits.upstreamIdleMs,
      maxHeaderSize: MAX_ANSWER_HEADER_BYTES,
    });
    client.on('connect', () => {
      const own = slot();
      own.connected = true;
      own.connectedMs = performance.now();
      own.address = address;
      own.pause = pause;
      own.served = 0;
    });
    client.on('disconnect', () => {
      slot().connected = false;
    });
    // undici's word for a handler that threw; ours do not, and a worker must not fall over it
    (client as EventEmitter).on('error', () => undefined);
    return client;
  };
  const newSlot = (): Slot => {
    const slot: Slot = {
      client: newClient(() => slot),
      connected: false,
      connectedMs: 0,
      address: '',
      served: 0,
      pause: undefined,
    };
    return slot;
  };
  /** A new connection in place of the slot's own; `now` cuts it, else it closes when it is idle. */
  const renew = (slot: Slot, now: boolean): void => {
    const { client } = slot;
    client.removeAllListeners('connect').removeAllListeners('disconnect');
    slot.client = newClient(() => slot);
    slot.connected = false;
    slot.served = 0;
    leaving.add(client);
    const left = (): void => void leaving.delete(client);
    void (now ? client.destroy() : client.close()).then(left, left);
  };

  const slots = new Set<Slot>();
  /** last used, first taken: under little load the others idle out */
  const idle: Slot[] = [];
  /** each with when it began to wait */
  const waiting = new Map<Attempt<Slot>, number>();
  const leaving = new Set<Client>();
  let destroyed = false;

  /** Too old, or to an address the DNS has taken back. */
  const isOutdated = ({ connected, connectedMs, address }: Slot): boolean =>
    connected &&
    (performance.now() - connectedMs > limits.upstreamConnectionMs || !connector.isCurrent(address));

  const run = (attempt: Attempt<Slot>, slot: Slot): void => {
    if (isOutdated(slot)) renew(slot, false);
    attempt.take(slot);
    const { method, target, fields, body } = attempt.request;
    slot.client.dispatch(
      {
        method: method as Dispatcher.HttpMethod,
        path: target,
        headers: fields,
        body: body ?? null,
        // undici would take the TLS name from Host, and connect anew for each customer
        servername: serverName,
        // one request at a time anyway: spares a look for the next one at each head
        blocking: false,
      } as Dispatcher.DispatchOptions,
      attempt,
    );
  };
  const leaveQueue = (attempt: Attempt<Slot>): void => {
    const sinceMs = waiting.get(attempt);
    if (sinceMs === undefined) return;
    waiting.delete(attempt);
    deps.emit?.('upstream.waited', { upstream: settings.id, waitMs: performance.now() - sinceMs });
  };
  const release = (slot: Slot): void => {
    const [next] = waiting.keys();
    if (next === undefined) {
      idle.push(slot);
      return;
    }
    leaveQueue(next);
    // not from inside undici's own callback
    setImmediate(run, next, slot);
  };
  const again = (attempt: Attempt<Slot>, slot: Slot): void => {
    setImmediate(() => {
      renew(slot, true);
      run(attempt, slot);
    });
  };
  const takeSlot = (): Slot | undefined => {
    const slot = idle.pop();
    if (slot !== undefined || slots.size >= use.maxConnections) return slot;
    const fresh = newSlot();
    slots.add(fresh);
    return fresh;
  };

  return {
    id: settings.id,
    responseTimeoutMs: use.responseTimeoutMs,
    dispatch: (request, answer) => {
      if (destroyed) throw new LinkgateError('ERR_UPSTREAM_BUSY', `upstream "${settings.id}" is closing`);
      const attempt = new Attempt<Slot>({ request, answer, release, again });
      const slot = takeSlot();
      if (slot !== undefined) {
        answer.onControl(attempt);
        run(attempt, slot);
        return;
      }
      if (waiting.size >= limits.upstreamQueue) {
        const all = use.maxConnections + waiting.size;
        throw new LinkgateError(
          'ERR_UPSTREAM_BUSY',
          `upstream "${settings.id}" has ${all} requests under way`,
        );
      }
      attempt.leaveQueue = () => leaveQueue(attempt);
      waiting.set(attempt, performance.now());
      answer.onControl(attempt);
    },
    counts: () => ({
      active: slots.size - idle.length,
      waiting: waiting.size,
      open: [...slots].filter(({ connected }) => connected).length,
      idle: idle.filter(({ connected }) => connected).length,
    }),
    contact: () => connector.contact(),
    destroy: async () => {
      destroyed = true;
      connector.close();
      for (const attempt of waiting.keys()) attempt.onError(new Error('upstream is closing'));
      waiting.clear();
      const clients = [...slots].map(({ client }) => client).concat([...leaving]);
      await Promise.all(clients.map((client) => client.destroy()));
    },
  };
};
