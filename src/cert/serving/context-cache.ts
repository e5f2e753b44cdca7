// TLS contexts by name, between the store and the handshake. Their number is bounded: each takes about 35 KB of native memory, which V8
// does not see. A context stays in use until a better one is ready, whatever the storage does meanwhile.

import { LRUCache } from 'lru-cache';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Clock } from '../../core/platform/clock.ts';
import { LinkgateError, toLinkgateError } from '../../core/errors.ts';
import type { Emit } from '../../core/events.ts';
import type { CertificateStore, StoredCertificate } from '../state/store.ts';
import { ContextCloser } from './context-closer.ts';

export interface ContextLookup {
  /** hit: was in memory. miss: was loaded. absent: the name has no certificate. failed: the certificate could not be loaded */
  readonly result: 'hit' | 'miss' | 'absent' | 'failed';
  readonly context?: SecureContext;
}

export interface ContextCacheOptions {
  readonly store: Pick<CertificateStore, 'read'>;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly maxContexts: number;
  /** how long an evicted context stays open for a handshake that has it and has not begun to use it */
  readonly closeAfterMs?: number;
}

/** Messages can get lost, and workers on other machines get none. */
const RECHECK_MS = 5 * 60_000;
/** sooner for a certificate that has expired, and after a read of the storage that failed */
const RECHECK_SOON_MS = 10_000;
/** a flood of handshakes for a name without a certificate costs one read a second */
const NEGATIVE_MS = 1_000;
interface Entry {
  readonly context: SecureContext;
  readonly fingerprint: string;
  readonly notAfterMs: number;
  checkedAtMs: number;
  hasFailed: boolean;
}

interface Load {
  promise: Promise<ContextLookup>;
  /** a change was announced after the read began: read once more */
  isOutdated: boolean;
}

/** @throws LinkgateError `ERR_CERT_INVALID` for a key that is not the leaf's, or a chain that cannot be read */
const buildContext = ({ domain, keyPem, chainPem }: StoredCertificate): SecureContext => {
  try {
    return createSecureContext({ key: keyPem, cert: chainPem });
  } catch (cause) {
    throw new LinkgateError('ERR_CERT_INVALID', `certificate for "${domain}" cannot be served`, {
      cause,
      details: { domain },
    });
  }
};

/** The contexts of one worker. */
export class ContextCache {
  readonly #options: ContextCacheOptions;
  readonly #entries: LRUCache<string, Entry>;
  readonly #negatives: LRUCache<string, { readonly atMs: number; readonly lookup: ContextLookup }>;
  readonly #loads = new Map<string, Load>();

  constructor(options: ContextCacheOptions) {
    const { emit, maxContexts: max, closeAfterMs } = options;
    const closer = new ContextCloser(closeAfterMs);
    this.#options = options;
    this.#negatives = new LRUCache({ max });
    this.#entries = new LRUCache({
      max,
      dispose: ({ context }, _name, reason) => {
        // A replaced one was in use a moment ago, and there are few of them: V8 frees those.
        if (reason !== 'evict') return;
        closer.closeLater(context);
        emit('context.evicted', {});
      },
    });
  }

  /** contexts in memory */
  get size(): number {
    return this.#entries.size;
  }

  /** names that are being loaded */
  get loading(): number {
    return this.#loads.size;
  }

  /** At once when the context is in memory; else all who ask at the same time wait for one load. Never throws or rejects. */
  lookup(name: string): ContextLookup | Promise<ContextLookup> {
    const entry = this.#entries.get(name);
    if (entry !== undefined) {
      const isBad = entry.hasFailed || entry.notAfterMs <= this.#options.clock.now();
      if (!this.#isWithin(isBad ? RECHECK_SOON_MS : RECHECK_MS, entry.checkedAtMs)) void this.#load(name);
      return { result: 'hit', context: entry.context };
    }
    const negative = this.#negatives.get(name);
    const isKnown = negative !== undefined && this.#isWithin(NEGATIVE_MS, negative.atMs);
    return isKnown ? negative.lookup : this.#load(name);
  }

  /** The storage has a new certificate: loads it, and serves the old one until then. Never rejects. */
  async refresh(name: string): Promise<void> {
    this.#negatives.delete(name);
    const running = this.#loads.get(name);
    if (running !== undefined) running.isOutdated = true;
    // Not in use here: the first handshake loads it.
    else if (!this.#entries.has(name)) return;
    await this.#load(name);
  }

  #load(name: string): Promise<ContextLookup> {
    const running = this.#loads.get(name);
    if (running !== undefined) return running.promise;
    const begun: Load = { promise: Promise.resolve({ result: 'absent' }), isOutdated: false };
    this.#loads.set(name, begun);
    begun.promise = this.#read(name, begun);
    return begun.promise;
  }

  async #read(name: string, load: Load): Promise<ContextLookup> {
    let lookup: ContextLookup;
    do {
      load.isOutdated = false;
      lookup = await this.#readOnce(name);
    } while (load.isOutdated);
    this.#loads.delete(name);
    return lookup;
  }

  async #readOnce(name: string): Promise<ContextLookup> {
    const { store, clock, emit } = this.#options;
    const startedMs = performance.now();
    try {
      const certificate = await store.read(name);
      if (certificate === undefined) return this.#keepOld(name, { result: 'absent' });
      this.#negatives.delete(name);
      const { fingerprint, notAfterMs } = certificate;
      if (this.#entries.peek(name)?.fingerprint === fingerprint)
        return this.#keepOld(name, { result: 'absent' });
      const context = buildContext(certificate);
      this.#entries.set(name, {
        context,
        fingerprint,
        notAfterMs,
        checkedAtMs: clock.now(),
        hasFailed: false,
      });
      emit('context.loaded', { durationMs: performance.now() - startedMs });
      return { result: 'miss', context };
    } catch (error) {
      const { code, message } = toLinkgateError(error);
      emit('context.failed', { domain: name, code, message });
      return this.#keepOld(name, { result: 'failed' });
    }
  }

  /** Without a new context the old one is served, expired or not: a browser's warning is better than no response. */
  #keepOld(name: string, lookup: ContextLookup): ContextLookup {
    const atMs = this.#options.clock.now();
    const old = this.#entries.peek(name);
    if (old === undefined) {
      this.#negatives.set(name, { atMs, lookup });
      return lookup;
    }
    old.checkedAtMs = atMs;
    old.hasFailed = lookup.result === 'failed';
    return { result: 'miss', context: old.context };
  }

  /** Less than `ms` after `sinceMs`; no, when the clock went back. */
  #isWithin(ms: number, sinceMs: number): boolean {
    const ageMs = this.#options.clock.now() - sinceMs;
    return ageMs >= 0 && ageMs < ms;
  }
}
