// The keys of TLS session tickets: one set for all workers, so that a client resumes its session with any of them. They exist in the
// memory of these processes only: no log, no storage and no argument of a process has them. workers.ts hands them over.

import { randomBytes } from 'node:crypto';
import type { Clock } from '../../core/platform/clock.ts';

/** name of the key, HMAC key and AES key, 16 bytes each: the form of Node's `ticketKeys` */
const KEYS_BYTES = 48;
/**
 * Who has the keys can read the recorded sessions of TLS 1.2 that used a ticket, so they change (RFC 5077 §5.5). Node has one set for a
 * server: a change ends all older tickets at once, and their clients pay for a full handshake. So they change rarely.
 */
const LIFE_MS = 24 * 60 * 60 * 1_000;

export interface TicketKeysOptions {
  readonly clock: Clock;
  /** there are new keys: all workers must get them now */
  readonly onChanged: () => void;
}

export class TicketKeys {
  readonly #options: TicketKeysOptions;
  #current = randomBytes(KEYS_BYTES);

  constructor(options: TicketKeysOptions) {
    this.#options = options;
  }

  get current(): Buffer {
    return this.#current;
  }

  /** Changes the keys each day until `signal` aborts. Never rejects. */
  async start(signal: AbortSignal): Promise<void> {
    const { clock, onChanged } = this.#options;
    for (;;) {
      await clock.sleep(LIFE_MS, signal);
      if (signal.aborted) return;
      this.#current = randomBytes(KEYS_BYTES);
      onChanged();
    }
  }
}
