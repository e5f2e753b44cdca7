// For the tests in which time itself is what is sent: a client that is slow, bytes that come apart, a thing that
// grows old. Never to wait for something to have happened: that is until().

import { setTimeout } from 'node:timers/promises';

/** Lets `ms` milliseconds pass. */
export const pause = (ms: number): Promise<void> => setTimeout(ms);
