// How long a process waits for its clients before it ends.

import type { DrainTime } from '../serve/listeners.ts';

/** The first request of a slow client has ten seconds, as always. */
const GRACE_MS = 10_000;

/** Where other workers accept meanwhile, so that no client waits for the end. @param drainMs - `drainTimeout` */
export const handedOver = (drainMs: number): DrainTime => ({
  timeoutMs: drainMs,
  graceMs: Math.min(drainMs, GRACE_MS),
});

/** Where no other worker accepts, each second is one without service: enough for a client that lost a packet twice (RFC 6298 §5). */
const STOP_GRACE_MS = 3_000;

/** @param timeoutMs - how long requests in flight get */
export const withoutSuccessor = (timeoutMs: number): DrainTime => ({
  timeoutMs,
  graceMs: Math.min(timeoutMs, STOP_GRACE_MS),
});
