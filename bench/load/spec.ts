// What the runner and the threads of the load say to each other. Plain data.

import type { Distribution } from '../names.ts';

/**
 * - `fresh`: a connection with a full TLS 1.3 handshake for each click
 * - `resumed`: a connection for each click, resuming the session of one before
 * - `keepalive-h1`, `keepalive-h2`: connections that are kept, one click after the other on each
 * - `open`: `fresh` at a fixed rate; latency counts from when the click was due
 */
export const MODES = ['fresh', 'resumed', 'keepalive-h1', 'keepalive-h2', 'open'] as const;
export type Mode = (typeof MODES)[number];

export interface LoadSpec {
  readonly mode: Mode;
  readonly port: number;
  /** trusted for the targets' certificates */
  readonly caPem: string;
  /** clicks under way at a time, over all threads; a ceiling in mode `open` */
  readonly concurrency: number;
  /** clicks a second, over all threads, in mode `open` */
  readonly rate: number;
  /** between a click's answer and the next click, in the other modes; 0 unless told */
  readonly pauseMs?: number;
  readonly distribution: Distribution;
  readonly domains: number;
  readonly threads: number;
}

export interface ThreadSpec extends LoadSpec {
  /** number of this thread, from 0 */
  readonly thread: number;
}

export type ToThread = 'mark' | 'take' | 'stop';

/** What a thread has seen since `mark`. */
export interface Counts {
  readonly clicks: number;
  /** milliseconds of each click */
  readonly latencies: Float64Array;
  /** by kind: an error's code, or what was wrong with the answer */
  readonly errors: Readonly<Record<string, number>>;
}
