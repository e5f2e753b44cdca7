// TLS contexts by name, bounded by number: about 35 KB of native memory each, which V8 does not see. Between the store and the
// handshake. A context that is served stays served until a better one is ready, whatever the storage does meanwhile.

import { LRUCache } from 'lru-cache';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Clock } from '../../core/platform/clock.ts';
import { LinkgateError, toLinkgateError } from '../../core/errors.ts';
import type { Emit } from '../../core/events.ts';
import type { CertificateStore, StoredCertificate } from '../state/store.ts';

export interface ContextLookup {
  /** hit: was in memory. miss: was loaded. absent: the name has no certificate. failed: it could not be loaded */
  readonly result: 'hit' | 'miss' | 'absent' | 'failed';
  readonly context?: SecureContext;
}

export interface ContextCache {
  /** Never throws or rejects. At once when the context is in memory; everybody who asks meanwhile waits for one load. */
  lookup(name: string): ContextLookup | Promise<ContextLookup>;
  /** The storage has something new: loads it and swaps. The old one is served until then. Never rejects. */
  lookAgain(name: string): Promise<void>;
  /** contexts in memory */
  size(): number;
  /** names that are being loaded */
  loading(): number;
}

export interface ContextCacheOptions {
  readonly store: Pick<CertificateStore, 'read'>;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly maxContexts: number;
  /** how long a context that was pushed out is kept for a handshake that was given it and has not begun to use it */
  readonly closeAfterMs?: number;
}

/** A message may get lost, and workers on other machines get none. */
const RECHECK_MS = 5 * 60_000;
/** sooner, where what is served is known to be bad: it has expired, or the last look at the storage failed */
const RECHECK_SOON_MS = 10_000;
/** so that a flood of handshakes for a name without a certificate is one read a second */
const NEGATIVE_MS = 1_000;
/** beside the time in which all the others were asked for once, since it was */
const CLOSE_AFTER_MS = 2_000;
/** looks in that time at those that were dropped after the first of them */
const SWEEPS = 8;

interface Entry {
  readonly context: SecureContext;
  readonly fingerprint: string;
  readonly notAfterMs: number;
  checkedAtMs: number;
  hasFailed: boolean;
}

interface Load {
  promise: Promise<ContextLookup>;
  /** something new was announced after the storage was asked: ask once more */
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

/** What Node itself calls for the contexts of its own short connections; it is in no documentation. */
interface Closable {
  readonly context?: { readonly close?: () => void };
}

/**
 * Frees contexts that were pushed out: V8 sees a kilobyte of the 34 each takes, and would wait for a full collection while
 * misses pile them up. Connections that use one keep it (OpenSSL counts).
 */
const createCloser = (afterMs: number): ((context: SecureContext) => void) => {
  let dropped: { readonly context: SecureContext; readonly atMs: number }[] = [];
  let timer: NodeJS.Timeout | undefined;
  const sweep = (): void => {
    const before = performance.now() - afterMs;
    const late = dropped.filter(({ atMs }) => atMs <= before);
    dropped = dropped.slice(late.length);
    for (const { context } of late) (context as SecureContext & Closable).context?.close?.();
    timer = dropped.length === 0 ? undefined : setTimeout(sweep, afterMs / SWEEPS).unref();
  };
  return (context) => {
    dropped.push({ context, atMs: performance.now() });
    timer ??= setTimeout(sweep, afterMs).unref();
  };
};

export const createContextCache = (options: ContextCacheOptions): ContextCache => {
  const { store, clock, emit, maxContexts, closeAfterMs = CLOSE_AFTER_MS } = options;
  const closeLater = createCloser(closeAfterMs);
  const entries = new LRUCache<string, Entry>({
    max: maxContexts,
    dispose: ({ context }, _name, reason) => {
      // one that was replaced was asked for a moment ago, and there are few of them: those are left to V8
      if (reason !== 'evict') return;
      closeLater(context);
      emit('context.evicted', {});
    },
  });
  const negatives = new LRUCache<string, { readonly atMs: number; readonly lookup: ContextLookup }>({
    max: maxContexts,
  });
  const loads = new Map<string, Load>();

  /** within `ms` after `sinceMs`; a clock that went back counts as later */
  const isWithin = (ms: number, sinceMs: number): boolean => {
    const ageMs = clock.now() - sinceMs;
    return ageMs >= 0 && ageMs < ms;
  };

  /** Without a new one, the old one is served on, expired or not: a warning in a browser is better than no answer. */
  const keepOld = (name: string, lookup: ContextLookup): ContextLookup => {
    const old = entries.peek(name);
    if (old === undefined) {
      negatives.set(name, { atMs: clock.now(), lookup });
      return lookup;
    }
    old.checkedAtMs = clock.now();
    old.hasFailed = lookup.result === 'failed';
    return { result: 'miss', context: old.context };
  };

  const readOnce = async (name: string): Promise<ContextLookup> => {
    const startedMs = performance.now();
    try {
      const certificate = await store.read(name);
      if (certificate === undefined) return keepOld(name, { result: 'absent' });
      negatives.delete(name);
      const old = entries.peek(name);
      if (old?.fingerprint === certificate.fingerprint) return keepOld(name, { result: 'absent' });
      const context = buildContext(certificate);
      const { fingerprint, notAfterMs } = certificate;
      entries.set(name, { context, fingerprint, notAfterMs, checkedAtMs: clock.now(), hasFailed: false });
      emit('context.loaded', { durationMs: performance.now() - startedMs });
      return { result: 'miss', context };
    } catch (error) {
      const { code, message } = toLinkgateError(error);
      emit('context.failed', { domain: name, code, message });
      return keepOld(name, { result: 'failed' });
    }
  };

  const load = (name: string): Promise<ContextLookup> => {
    const running = loads.get(name);
    if (running !== undefined) return running.promise;
    const begun: Load = { promise: Promise.resolve({ result: 'absent' }), isOutdated: false };
    const work = async (): Promise<ContextLookup> => {
      let lookup = await readOnce(name);
      while (begun.isOutdated) {
        begun.isOutdated = false;
        lookup = await readOnce(name);
      }
      loads.delete(name);
      return lookup;
    };
    loads.set(name, begun);
    begun.promise = work();
    return begun.promise;
  };

  return {
    lookup: (name) => {
      const entry = entries.get(name);
      if (entry !== undefined) {
        const isBad = entry.hasFailed || entry.notAfterMs <= clock.now();
        if (!isWithin(isBad ? RECHECK_SOON_MS : RECHECK_MS, entry.checkedAtMs)) void load(name);
        return { result: 'hit', context: entry.context };
      }
      const negative = negatives.get(name);
      return negative !== undefined && isWithin(NEGATIVE_MS, negative.atMs) ? negative.lookup : load(name);
    },
    lookAgain: async (name) => {
      negatives.delete(name);
      const running = loads.get(name);
      if (running !== undefined) running.isOutdated = true;
      // Nobody asked for it yet: the first handshake will.
      else if (!entries.has(name)) return;
      await load(name);
    },
    size: () => entries.size,
    loading: () => loads.size,
  };
};
