// How long a process that is to end waits for its clients.

import type { DrainTime } from '../serve/listeners.ts';

/** A slow client's first request has ten seconds, as ever. */
const GRACE_MS = 10_000;

/** Where others accept meanwhile nobody waits for the end. @param drainMs - `drainTimeout` */
export const handedOver = (drainMs: number): DrainTime => ({
  timeoutMs: drainMs,
  graceMs: Math.min(drainMs, GRACE_MS),
});

/** Where nobody does, each second is one without service: a client whose packet was lost twice (RFC 6298 §5) is awaited. */
const STOP_GRACE_MS = 3_000;

/** @param timeoutMs - how long requests in flight get */
export const withoutSuccessor = (timeoutMs: number): DrainTime => ({
  timeoutMs,
  graceMs: Math.min(timeoutMs, STOP_GRACE_MS),
});
