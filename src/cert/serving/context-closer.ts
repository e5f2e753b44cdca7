// Frees TLS contexts that the cache has evicted. V8 sees one kilobyte of the 34 that each takes, so it would wait for a full collection
// while they pile up. Connections that use a context keep it: OpenSSL counts its uses.

import type { SecureContext } from 'node:tls';

const CLOSE_AFTER_MS = 2_000;
/** checks within that time for contexts that came after the first */
const SWEEPS = 8;

/** What Node itself calls for the contexts of its own short connections; it is in no documentation. */
interface Closable {
  readonly context?: { readonly close?: () => void };
}

export class ContextCloser {
  readonly #afterMs: number;
  #waiting: { readonly context: SecureContext; readonly atMs: number }[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(afterMs = CLOSE_AFTER_MS) {
    this.#afterMs = afterMs;
  }

  /** Closes the context after a while: a handshake may have it and not have begun to use it. */
  closeLater(context: SecureContext): void {
    this.#waiting.push({ context, atMs: performance.now() });
    if (this.#timer === undefined) this.#sweepAfter(this.#afterMs);
  }

  #sweep(): void {
    const before = performance.now() - this.#afterMs;
    const late = this.#waiting.filter(({ atMs }) => atMs <= before);
    this.#waiting = this.#waiting.slice(late.length);
    for (const { context } of late) (context as SecureContext & Closable).context?.close?.();
    if (this.#waiting.length > 0) this.#sweepAfter(this.#afterMs / SWEEPS);
  }

  #sweepAfter(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#sweep();
    }, ms).unref();
  }
}
