// One place for a connection to the tracker: opened when it is first needed, opened again when it was lost, one request at a
// time. It knows when its connection is too old. upstream.ts decides which request takes which slot.

import type { EventEmitter } from 'node:events';
import { Client, type buildConnector, type Dispatcher } from 'undici';
import type { Limits, UpstreamSettings } from '../../core/settings.ts';
import type { Attempt, AttemptSlot } from './attempt.ts';
import type { Connected, UpstreamConnect } from './connect.ts';
import { pauseReads, type ReadPause } from './pause.ts';

export interface SlotOptions {
  readonly settings: Pick<UpstreamSettings, 'origin' | 'serverName'>;
  readonly limits: Pick<Limits, 'upstreamIdleMs' | 'upstreamConnectionMs'>;
  readonly connector: UpstreamConnect;
  /** clients that were replaced and still close */
  readonly leaving: Set<Client>;
}

const MAX_RESPONSE_HEADER_BYTES = 64 * 1024;

export class Slot implements AttemptSlot {
  served = 0;
  pause: ReadPause | undefined;
  readonly #options: SlotOptions;
  #client: Client;
  #isConnected = false;
  #connectedMs = 0;
  #address = '';

  constructor(options: SlotOptions) {
    this.#options = options;
    this.#client = this.#newClient();
  }

  isConnected(): boolean {
    return this.#isConnected;
  }

  /** Sends the request of an attempt. */
  run(attempt: Attempt<Slot>): void {
    if (this.#isOutdated()) this.renew(false);
    attempt.take(this);
    const { method, target, fields, body } = attempt.request;
    this.#client.dispatch(
      {
        method: method as Dispatcher.HttpMethod,
        path: target,
        headers: fields,
        body: body ?? null,
        // undici would take the TLS name from Host, and open a new connection for each customer
        servername: this.#options.settings.serverName,
        // one request at a time anyway: undici then does not search for the next one at each head
        blocking: false,
      } as Dispatcher.DispatchOptions,
      attempt,
    );
  }

  /** A new connection in place of the present one; `now` cuts the old one, else it closes when it is idle. */
  renew(now: boolean): void {
    const client = this.#client;
    const { leaving } = this.#options;
    client.removeAllListeners('connect').removeAllListeners('disconnect');
    this.#client = this.#newClient();
    this.#isConnected = false;
    this.served = 0;
    leaving.add(client);
    const left = (): void => void leaving.delete(client);
    void (now ? client.destroy() : client.close()).then(left, left);
  }

  destroy(): Promise<void> {
    return this.#client.destroy();
  }

  /** Too old, or to an address that the DNS no longer has. */
  #isOutdated(): boolean {
    const { limits, connector } = this.#options;
    return (
      this.#isConnected &&
      (performance.now() - this.#connectedMs > limits.upstreamConnectionMs ||
        !connector.isCurrent(this.#address))
    );
  }

  /** undici's own Pool is not used: it queues without bound and does not say which connection a request is on. */
  #newClient(): Client {
    const { settings, limits, connector } = this.#options;
    let address = '';
    let pause: ReadPause | undefined;
    const connect = async (done: buildConnector.Callback): Promise<void> => {
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
      connect: (_where, done) => void connect(done),
      pipelining: 1,
      // ours, in serve/request/respond.ts: they cover the wait for a connection too, and cost no timer for each request
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: limits.upstreamIdleMs,
      keepAliveMaxTimeout: limits.upstreamIdleMs,
      maxHeaderSize: MAX_RESPONSE_HEADER_BYTES,
    });
    client.on('connect', () => {
      this.#isConnected = true;
      this.#connectedMs = performance.now();
      this.#address = address;
      this.pause = pause;
      this.served = 0;
    });
    client.on('disconnect', () => {
      this.#isConnected = false;
    });
    // undici emits it for a handler that threw; ours do not, and a worker must not end because of it
    (client as EventEmitter).on('error', () => undefined);
    return client;
  }
}
