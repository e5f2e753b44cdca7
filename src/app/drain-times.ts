// How long a process that is to end waits for its clients.

import type { DrainTime } from '../serve/listeners.ts';

/** How long requests in flight get. */
export const DRAIN_MS = 20_000;

/** Where others accept meanwhile nobody waits for the end: a slow client's first request has ten seconds, as ever. */
export const HANDED_OVER: DrainTime = { timeoutMs: DRAIN_MS, graceMs: 10_000 };

/** Where nobody does, each second is one without service: a client whose packet was lost twice (RFC 6298 §5) is awaited. */
export const STOP_GRACE_MS = 3_000;
