// What happens, told by the paths and heard by observe/, admin/ and app/: the paths know no metric and no log.
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
    /** from dispatch to the head of the upstream's answer; undefined when it never answered */
    readonly upstreamMs?: number | undefined;
    readonly errorCode?: ErrorCode | undefined;
    /** W3C trace context as the client sent it: any text */
    readonly traceparent?: string | undefined;
    /** false when the client left, or the upstream died, before the answer was whole */
    readonly complete: boolean;
    /** the client's network, never its whole address: IPv4 /24, IPv6 /48 */
    readonly network?: string;
    /** undefined on port 80 */
    readonly tls?: { readonly version: TlsVersion; readonly resumed: boolean } | undefined;
  };
  /** a connection closed before its first byte was read, or for what a proxy said of it */
  'connection.refused': {
    readonly listener: Listener;
    readonly reason: 'total' | 'address' | 'proxy-protocol' | 'silent';
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
  /** a look at where a tracker is; `kept`: nobody knew, the last good addresses go on being used; `failed`: there are none */
  'upstream.resolved': {
    readonly upstream: UpstreamId;
    readonly result: 'answered' | 'kept' | 'failed';
    readonly cause?: string;
  };
  /** a request that found all connections to the tracker taken waits no more: it has one, or its client has left */
  'upstream.waited': { readonly upstream: UpstreamId; readonly waitMs: number };
  'handshake.completed': { readonly version: TlsVersion; readonly resumed: boolean };
  /** `untrusted`: the client did not believe the certificate; `gone`: it left; `protocol`: what it sent was no TLS, or broken */
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
  /** a TLS context was made of what the storage has */
  'context.loaded': { readonly durationMs: number };
  /** one was pushed out by others */
  'context.evicted': Readonly<Record<string, never>>;
  'context.failed': { readonly domain: string; readonly code: ErrorCode; readonly message: string };

  'certificate.issued': {
    readonly domain: string;
    readonly issuer: string;
    readonly serial: string;
    readonly notAfterMs: number;
    readonly durationMs: number;
    /** the name had none before */
    readonly isFirst?: boolean;
  };
  /** an attempt failed; the one served, if any, is served on */
  'certificate.failed': {
    readonly domain: string;
    readonly issuer: string;
    readonly code: ErrorCode;
    readonly detail: string;
    readonly nextAttemptMs: number;
  };
  /** a renewal is tried although something speaks against it */
  'certificate.doubted': { readonly domain: string; readonly code: ErrorCode; readonly detail: string };
  'order.completed': {
    readonly issuer: string;
    readonly result: 'issued' | 'failed';
    readonly durationMs: number;
    /** of one that failed */
    readonly code?: ErrorCode;
    /** the CA's own word for it (RFC 8555 §6.7), or `own-limit` where our count of its limits held the order back */
    readonly problemType?: string;
  };
  /** a call to the storage came to its end; `failed`: it could not do it */
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
    /** why it could not start, where it said so */
    readonly code?: ErrorCode;
    readonly message?: string;
  };
  /** told by the worker itself: it was told to end, and has; `cut`: connections that its drain time was too short for */
  'worker.drained': { readonly cut: number };
  /** the configuration was read again; with `code` it was refused, and the old settings stay */
  'settings.reloaded': {
    readonly domains: number;
    /** names that are new or changed, and names that left */
    readonly changed: number;
    readonly removed: number;
    /** keys that wait for the next start */
    readonly atRestart: readonly string[];
    readonly code?: ErrorCode;
    readonly message?: string;
  };
  'program.started': { readonly version: string; readonly node: string; readonly domains: number };
  'program.stopping': { readonly timeoutMs: number };
  'program.stopped': Readonly<Record<never, never>>;
  /** what nobody expected, and what the rest of the program goes on without */
  'part.failed': {
    readonly part: 'listener' | 'admin' | 'workers' | 'worker' | 'traces';
    readonly error: unknown;
  };
  /** lines that were lost to a full disk or to a reader that does not read */
  'log.dropped': { readonly lines: number };
  /** spans could not be handed to their collector, and are lost */
  'traces.failed': { readonly cause: string; readonly lost: number };
  'listener.opened': { readonly listener: Listener | 'admin'; readonly host: string; readonly port: number };
}

export type EventName = keyof Events;

/** Tells that something happened. Never throws into the teller and never waits. */
export type Emit = <N extends EventName>(name: N, event: Events[N]) => void;

export interface EventBus {
  readonly emit: Emit;
  /** hears every event of one name, until the returned function is called */
  on<N extends EventName>(name: N, listener: (event: Events[N]) => void): () => void;
}

/** Reports a call to the storage that failed; the caller goes on without it. */
export const reportStorageFailure = (emit: Emit, error: unknown): void => {
  const { code, message } = toLinkgateError(error, 'ERR_STORAGE_UNAVAILABLE');
  emit('storage.failed', { code, message });
};

/** A bus of its own for one process. A listener that throws is reported once to `onListenerError` and does not stop the others. */
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
      // a function of its own, so that the same listener added twice is removed once
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
