// What happens in the program. The paths emit events; observe/, admin/ and app/ hear them. The paths know no metric and no log.
// Names are `noun.pastParticiple`. An event never carries a key, a token, a cookie, a query or a body.

import { toLinkgateError, type ErrorCode } from './errors.ts';
import type { UpstreamId } from './settings.ts';

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';
export type Listener = 'https' | 'http';

export interface Events {
  /** a request of a configured name was answered, by the upstream or by an error page */
  'request.completed': {
    readonly id: string;
    readonly domain: string;
    readonly listener: Listener;
    readonly httpVersion: '1.0' | '1.1' | '2';
    readonly method: string;
    /** raw request target: a credential (one id opens click, open and unsubscribe). Classify it, never log it. */
    readonly target: string;
    readonly status: number;
    /** body bytes sent to the client */
    readonly bytes: number;
    readonly durationMs: number;
    /** from dispatch to the head of the upstream's response; undefined when there was none */
    readonly upstreamMs?: number | undefined;
    readonly errorCode?: ErrorCode | undefined;
    /** W3C trace context as the client sent it: any text */
    readonly traceparent?: string | undefined;
    /** false when the client left, or the upstream failed, before the response was complete */
    readonly complete: boolean;
    /** the client's network, never its whole address: IPv4 /24, IPv6 /48 */
    readonly network?: string;
    /** undefined on port 80 */
    readonly tls?: { readonly version: TlsVersion; readonly resumed: boolean } | undefined;
  };
  /**
   * a connection that was closed before its first byte was read, or because of the header of its proxy; `idle`: one without a request that
   * made room for a new one
   */
  'connection.refused': {
    readonly listener: Listener;
    readonly reason: 'total' | 'address' | 'proxy-protocol' | 'silent' | 'idle';
  };
  /** refused before it had a domain to count it under */
  'request.refused': {
    /** the one on the error page; absent where there was none to show */
    readonly id?: string;
    readonly listener: Listener;
    readonly code: ErrorCode;
    readonly status: number;
  };
  'upstream.failed': {
    /** of the request, as its error page shows it */
    readonly id?: string;
    readonly upstream: UpstreamId;
    readonly code: ErrorCode;
    readonly cause: string;
  };
  /** the addresses of a tracker were asked for; `kept`: the DNS had none, the last good ones stay in use; `failed`: there are none */
  'upstream.resolved': {
    readonly upstream: UpstreamId;
    readonly result: 'answered' | 'kept' | 'failed';
    readonly cause?: string;
  };
  /** a request that waited for a connection to the tracker has one now, or its client left */
  'upstream.waited': { readonly upstream: UpstreamId; readonly waitMs: number };
  'handshake.completed': { readonly version: TlsVersion; readonly resumed: boolean };
  /** `untrusted`: the client did not trust the certificate; `gone`: the client left; `protocol`: it sent no TLS, or broken TLS */
  'handshake.failed': {
    readonly reason:
      | 'unknown-name'
      | 'no-certificate'
      | 'untrusted'
      | 'version'
      | 'cipher'
      | 'gone'
      | 'timeout'
      | 'protocol'
      | 'internal';
  };
  'context.looked': { readonly result: 'hit' | 'miss' | 'absent' | 'failed' };
  /** a TLS context was made from the certificate in the storage */
  'context.loaded': { readonly durationMs: number };
  /** a TLS context was removed from the full cache */
  'context.evicted': Readonly<Record<string, never>>;
  'context.failed': { readonly domain: string; readonly code: ErrorCode; readonly message: string };

  'certificate.issued': {
    readonly domain: string;
    readonly issuer: string;
    readonly serial: string;
    readonly notAfterMs: number;
    readonly durationMs: number;
    /** the name had no certificate before */
    readonly isFirst?: boolean;
  };
  /** an attempt failed; a certificate that is served stays in use */
  'certificate.failed': {
    readonly domain: string;
    readonly issuer: string;
    readonly code: ErrorCode;
    readonly detail: string;
    readonly nextAttemptMs: number;
  };
  /** a renewal is tried although a check says that it may fail */
  'certificate.doubted': { readonly domain: string; readonly code: ErrorCode; readonly detail: string };
  'order.completed': {
    readonly issuer: string;
    readonly result: 'issued' | 'failed';
    readonly durationMs: number;
    /** of a failed order */
    readonly code?: ErrorCode;
    /** the problem type of the CA (RFC 8555 §6.7), or `own-limit` where linkgate's own count of the limits held the order back */
    readonly problemType?: string;
  };
  /** a call to the storage ended; `failed`: with an error of the storage */
  'storage.completed': {
    readonly operation: 'read' | 'write' | 'remove' | 'list' | 'lock';
    readonly durationMs: number;
    readonly failed: boolean;
  };
  'storage.failed': { readonly code: ErrorCode; readonly message: string };

  'worker.started': { readonly pid: number };
  'worker.exited': {
    readonly pid: number;
    readonly exitCode: number | null;
    readonly signal: string | null;
    readonly expected: boolean;
    /** why it could not start, if it said so */
    readonly code?: ErrorCode;
    readonly message?: string;
  };
  /** a worker ended as it was asked to; `cut`: connections that were still open after its drain time */
  'worker.drained': { readonly cut: number };
  /** the configuration was read again; with `code` it was refused, and the old settings stay */
  'settings.reloaded': {
    readonly domains: number;
    /** names that are new or changed, and removed names */
    readonly changed: number;
    readonly removed: number;
    /** keys that take effect at the next start */
    readonly atRestart: readonly string[];
    readonly code?: ErrorCode;
    readonly message?: string;
  };
  'program.started': { readonly version: string; readonly node: string; readonly domains: number };
  'program.stopping': { readonly timeoutMs: number };
  'program.stopped': Readonly<Record<never, never>>;
  /** an unexpected error in one part; the rest of the program goes on without it */
  'part.failed': {
    readonly part: 'listener' | 'admin' | 'workers' | 'worker' | 'traces';
    readonly error: unknown;
  };
  /** log lines that were lost: the disk is full, or nobody reads them */
  'log.dropped': { readonly lines: number };
  /** spans that the collector did not take; they are lost */
  'traces.failed': { readonly cause: string; readonly lost: number };
  'listener.opened': { readonly listener: Listener | 'admin'; readonly host: string; readonly port: number };
}

export type EventName = keyof Events;

/** Emits an event. Never throws and never waits. */
export type Emit = <N extends EventName>(name: N, event: Events[N]) => void;

export interface EventBus {
  readonly emit: Emit;
  /** calls `listener` with every event of one name, until the returned function is called */
  on<N extends EventName>(name: N, listener: (event: Events[N]) => void): () => void;
}

/** Reports a call to the storage that failed; the caller goes on without it. */
export const reportStorageFailure = (emit: Emit, error: unknown): void => {
  const { code, message } = toLinkgateError(error, 'ERR_STORAGE_UNAVAILABLE');
  emit('storage.failed', { code, message });
};

/** The event bus of one process. A listener that throws is reported to `onListenerError` and does not stop the others. */
export const createEventBus = (onListenerError: (name: EventName, error: unknown) => void): EventBus => {
  const listeners = new Map<EventName, ((event: never) => void)[]>();
  return {
    emit: (name, event) => {
      for (const listener of listeners.get(name) ?? []) {
        try {
          (listener as (event: unknown) => void)(event);
        } catch (error) {
          onListenerError(name, error);
        }
      }
    },
    on: (name, listener) => {
      // A new function, so that a listener that was added twice is removed once.
      const added = (event: never): void => listener(event);
      listeners.set(name, [...(listeners.get(name) ?? []), added]);
      return () => {
        listeners.set(
          name,
          (listeners.get(name) ?? []).filter((other) => other !== added),
        );
      };
    },
  };
};
